// The bar of tools under the picture, and their keys.

import { html } from "./dom.js";
import { createIcon } from "./icons.js";

// In the order of the bar. On a phone it is two rows, filled by columns, so that
// opposite views stand one above the other.
const TOOLS = [
  { name: "fit", word: "Fit", label: "Fit the whole part", key: "f" },
  { name: "isometric", word: "Iso", label: "Isometric view", key: "7" },
  { name: "front", word: "Front", label: "Front view", key: "1" },
  { name: "back", word: "Back", label: "Back view", key: "2" },
  { name: "left", word: "Left", label: "Left view", key: "3" },
  { name: "right", word: "Right", label: "Right view", key: "4" },
  { name: "top", word: "Top", label: "Top view", key: "5" },
  { name: "bottom", word: "Bottom", label: "Bottom view", key: "6" },
  { name: "edges", word: "Edges", label: "Edges", key: "e", toggles: true },
  { name: "fullscreen", word: "Full", label: "Full screen", toggles: true },
];

/** Create the bar; `use(name)` is called for each tool pressed. */
export function createToolbar(use) {
  const buttons = new Map(
    TOOLS.filter(isPossible).map((tool) => [tool.name, createButton(tool)]),
  );
  for (const [name, button] of buttons) {
    button.addEventListener("click", () => use(name));
  }
  const element = html(
    "div",
    { class: "viewer__tools", role: "group", "aria-label": "3D view" },
    ...buttons.values(),
  );
  return { element, enable, press };

  function enable(isEnabled) {
    for (const button of buttons.values()) button.disabled = !isEnabled;
  }

  /** Show whether a tool that toggles is on. */
  function press(name, isOn) {
    buttons.get(name)?.setAttribute("aria-pressed", isOn);
  }
}

/** The tool a key stands for, if any. */
export function toolOf({ key, ctrlKey, metaKey, altKey }) {
  if (ctrlKey || metaKey || altKey) return null;
  return TOOLS.find((tool) => tool.key === key.toLowerCase())?.name ?? null;
}

function createButton({ name, word, label, key, toggles }) {
  return html(
    "button",
    {
      class: "viewer__tool",
      type: "button",
      disabled: "",
      title: key ? `${label} (${key.toUpperCase()})` : label,
      "aria-label": label,
      "aria-pressed": toggles ? "false" : null,
      "aria-keyshortcuts": key,
    },
    createIcon(name),
    html("span", { class: "viewer__word" }, word),
  );
}

/** iPhones show only films on the full screen. */
function isPossible({ name }) {
  return name !== "fullscreen" || document.fullscreenEnabled;
}
