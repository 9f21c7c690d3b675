// The bar of tools under the picture, their keys, and the slot for their panels.

import { gettext, interpolate } from "../static/js/words.js";
import { html } from "./dom.js";
import { createIcon } from "./icons.js";

// In the order of the bar. A group with a word of its own folds into one button.
const GROUPS = {
  camera: { label: gettext("Camera") },
  view: { label: gettext("Views"), word: gettext("Views"), icon: "isometric" },
  measure: { label: gettext("Measuring") },
  parts: { label: gettext("Parts of the model") },
  picture: { label: gettext("Picture") },
};

const WRITING = "input:not([type=range], [type=checkbox]), textarea, select";

/** The bar; tools add their buttons to it, in any order, and never each other's. */
export class Toolbar {
  element = html("div", { class: "viewer__tools" });

  #tools = [];
  #groups = new Map();
  #isEnabled = false;

  constructor() {
    const toolbar = { role: "toolbar", "aria-label": gettext("3D view") };
    for (const [name, value] of Object.entries(toolbar)) {
      this.element.setAttribute(name, value);
    }
    for (const [name, { label, word, icon }] of Object.entries(GROUPS)) {
      const attributes = { class: "viewer__group", role: "group", "aria-label": label };
      const group = html("div", attributes);
      this.element.append(group);
      this.#groups.set(name, word ? this.#fold(group, { label, word, icon }) : group);
    }
  }

  /**
   * Add a button; returns `{element, press}`, where `press(isOn)` shows whether a
   * tool that toggles is on.
   *
   * @param {object} tool
   * @param {string} tool.name
   * @param {string} tool.group a key of GROUPS
   * @param {string} tool.word under the icon
   * @param {string} tool.label in full
   * @param {string | string[]} tool.icon as `createIcon` takes it
   * @param {string} [tool.key] that does the same
   * @param {boolean} [tool.toggles]
   * @param {string} [tool.panel] id of the panel it opens
   * @param {() => void} tool.use
   */
  add(tool) {
    const element = createButton(tool);
    element.disabled = !this.#isEnabled;
    element.addEventListener("click", () => tool.use());
    this.#groups.get(tool.group).append(element);
    this.#tools.push({ ...tool, element });
    return { element, press: (isOn) => element.setAttribute("aria-pressed", isOn) };
  }

  enable(isEnabled) {
    this.#isEnabled = isEnabled;
    for (const button of this.element.querySelectorAll("button")) {
      button.disabled = !isEnabled;
    }
  }

  /** Use the tool a key stands for; returns whether there is one. */
  type({ key, target, ctrlKey, metaKey, altKey }) {
    if (!this.#isEnabled || ctrlKey || metaKey || altKey) return false;
    if (target.matches(WRITING)) return false;
    const tool = this.#tools.find((each) => each.key === key.toLowerCase());
    tool?.use();
    return Boolean(tool);
  }

  /** Put a group's tools into a list that one button opens. */
  #fold(group, { label, word, icon }) {
    const list = html("div", { class: "viewer__fold" });
    const button = createButton({ word, label, icon });
    button.setAttribute("aria-expanded", "false");
    const open = (isOpen) => button.setAttribute("aria-expanded", isOpen);
    button.addEventListener("click", () => {
      open(button.getAttribute("aria-expanded") === "false");
    });
    list.addEventListener("click", () => {
      open(false);
      button.focus();
    });
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      open(false);
      button.focus();
    });
    group.addEventListener("focusout", ({ relatedTarget }) => {
      if (!group.contains(relatedTarget)) open(false);
    });
    group.append(button, list);
    return list;
  }
}

/** The place for what tools have to say: beside the picture, or below on a phone. */
export class Panels {
  element = html("div", { class: "viewer__panels" });

  #panels = [];

  /**
   * Add a panel, closed; returns `{element, body, isOpen, open, close}`.
   *
   * @param {object} panel
   * @param {string} panel.title
   * @param {boolean} [panel.isAlone] no other is open beside it
   * @param {(isPushed: boolean) => void} panel.onClose it goes: by its own button, or
   *   pushed away by another panel on a phone, which has room for one
   */
  add({ title, isAlone = false, onClose = () => {} }) {
    const heading = html("h2", { class: "viewer__title" }, title);
    const label = interpolate(gettext("Close: %(title)s"), { title });
    const cross = html(
      "button",
      { class: "viewer__close", type: "button", title: label, "aria-label": label },
      createIcon("close"),
    );
    const body = html("div", { class: "viewer__body" });
    const element = html(
      "section",
      { class: "viewer__panel", "aria-label": title },
      html("header", { class: "viewer__head" }, heading, cross),
      body,
    );
    element.hidden = true;
    let opener = null; // gets the focus back
    const close = (isPushed = false) => {
      if (element.hidden) return;
      if (element.contains(document.activeElement)) opener?.focus();
      element.hidden = true;
      onClose(isPushed);
    };
    const open = () => {
      for (const other of this.#panels) {
        const isInTheWay = isAlone || other.isAlone || this.#hasRoomForOne();
        if (other !== panel && isInTheWay) other.close(!isAlone);
      }
      opener = document.activeElement;
      element.hidden = false;
    };
    cross.addEventListener("click", () => close());
    const isOpen = () => !element.hidden;
    const panel = { element, body, isAlone, isOpen, open, close };
    this.#panels.push(panel);
    this.element.append(element);
    return panel;
  }

  /** CSS knows where the panels are: below the picture they are a row. */
  #hasRoomForOne() {
    return getComputedStyle(this.element).getPropertyValue("--viewer-panels") === "one";
  }
}

function createButton({ word, label, icon, key, toggles, panel }) {
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
      "aria-controls": panel,
    },
    createIcon(icon),
    html("span", { class: "viewer__word" }, word),
  );
}
