// Lets a password be seen while it is typed, and tells that Caps Lock is on.

import { gettext } from "./words.js";

/** Give every password field of `root` its button and its hint. */
export function helpWithPasswords(root) {
  for (const input of root.querySelectorAll('input[type="password"]')) {
    const row = document.createElement("div");
    row.className = "password";
    input.before(row);
    row.append(input, revealer(input));
    row.after(capsHint(input));
  }
}

function revealer(input) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button password__show";
  button.setAttribute("aria-controls", input.id);
  show(false);
  button.addEventListener("click", () => show(input.type === "password"));
  // A password that is sent, or kept by the browser, is a password again.
  input.form?.addEventListener("submit", () => show(false));
  return button;

  function show(isShown) {
    input.type = isShown ? "text" : "password";
    const what = document.createElement("span");
    what.className = "visually-hidden";
    what.textContent = ` ${gettext("the password")}`;
    button.replaceChildren(isShown ? gettext("Hide") : gettext("Show"), what);
  }
}

function capsHint(input) {
  const hint = document.createElement("p");
  hint.className = "password__caps";
  hint.setAttribute("role", "status");
  for (const type of ["keydown", "keyup"]) {
    input.addEventListener(type, (event) => {
      // Autofill sends events that are none of a keyboard.
      const isOn = event.getModifierState?.("CapsLock") ?? false;
      hint.textContent = isOn ? gettext("Caps Lock is on.") : "";
    });
  }
  input.addEventListener("blur", () => (hint.textContent = ""));
  return hint;
}
