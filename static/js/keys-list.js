// The list of keys, and the switch that turns them off.

import { gettext } from "./words.js";

const KEYS = () => [
  [["j", "k"], gettext("Next part, part before")],
  [["Enter"], gettext("Open the part")],
  [["t"], gettext("Take it")],
  [["d"], gettext("Done")],
  [["e"], gettext("Edit")],
  [["m"], gettext("Everything else about the part")],
  [["/"], gettext("Find a part on any board")],
  [["g", "h"], gettext("Go to the start page")],
  [["g", "r"], gettext("Go to Review")],
  [["g", "p"], gettext("Go to Production")],
  [["g", "c"], gettext("Go to Completed")],
  [["?"], gettext("Show these keys")],
];

/** Open the list in `root`; `keys` tells whether they are off, and turns them. */
export function showKeys(root, keys) {
  root.querySelector(".keys-list")?.remove();
  const dialog = make("dialog", "keys-list");
  dialog.setAttribute("aria-labelledby", "keys-list-title");
  const title = make("h2", "keys-list__title", gettext("Keys"));
  title.id = "keys-list-title";
  const list = make("dl", "keys-list__keys");
  for (const [names, words] of KEYS()) {
    const row = make("div", "keys-list__row");
    const signs = make("dt", "keys-list__signs");
    signs.append(...names.map((name) => make("kbd", "key-sign", name)));
    row.append(signs, make("dd", "", words));
    list.append(row);
  }
  const close = make("button", "button", gettext("Close"));
  close.addEventListener("click", () => dialog.close());
  const foot = make("div", "keys-list__foot");
  foot.append(onOff(keys), close);
  dialog.append(title, list, foot);
  // A press beside it closes it; the dialog's own box is all content.
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  root.body.append(dialog);
  dialog.showModal();
  close.focus();
}

function onOff({ areOff, turnKeys }) {
  const label = make("label", "toggle");
  const box = make("input", "");
  box.type = "checkbox";
  box.checked = !areOff();
  box.addEventListener("change", () => turnKeys(box.checked));
  label.append(box, make("span", "", gettext("Single keys are on")));
  return label;
}

function make(name, className, words = "") {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = words;
  return element;
}
