// Copies what stands in a field; without a script it is marked and copied by hand.

import { gettext } from "./words.js";

const SAID_MS = 2500;

/** Wake the buttons `data-copy` of `root`, each the id of the field it copies. */
export function copyTexts(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    const field = root.getElementById(button.dataset.copy);
    const status = statusBeside(button);
    button.hidden = false;
    field.addEventListener("focus", () => field.select());
    if (field === root.activeElement) field.select();
    button.addEventListener("click", async () => {
      say(button, status, (await copied(field)) ? gettext("Copied") : gettext("Press Ctrl+C"));
    });
  }
}

async function copied(field) {
  try {
    // Not there on a plain http address in a shop's network.
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    field.focus();
    field.select();
    return document.execCommand("copy");
  }
}

function say(button, status, words) {
  const label = button.querySelector("span");
  label.dataset.words ??= label.textContent;
  label.textContent = words;
  status.textContent = words;
  clearTimeout(Number(label.dataset.timer));
  label.dataset.timer = setTimeout(() => {
    label.textContent = label.dataset.words;
    status.textContent = "";
  }, SAID_MS);
}

function statusBeside(button) {
  const status = document.createElement("span");
  status.className = "visually-hidden";
  status.role = "status";
  button.after(status);
  return status;
}
