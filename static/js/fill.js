// Fills fields from a part's file, never over what a person wrote.

import { gettext } from "./words.js";

const mine = new WeakSet(); // fields that a person has touched
const filled = new WeakMap(); // what stood in a field before it was filled
const waiting = new WeakMap(); // what to fill in when whoever is in the field has left

/** Note which fields in `root` people touch. */
export function noteTouches(root) {
  for (const kind of ["input", "change"]) {
    root.addEventListener(kind, ({ target }) => {
      const field = target.closest(".field");
      if (!field) return;
      mine.add(field);
      unsay(field);
    });
  }
  root.addEventListener("focusout", ({ target }) => {
    const field = target.closest(".field");
    const guess = waiting.get(field);
    waiting.delete(field);
    if (guess) fillOne(field, guess);
  });
}

/** Write `guesses` into the fields of `row` that nobody has touched. */
export function fill(row, guesses) {
  for (const guess of guesses) {
    const field = row.querySelector(`.field--${guess.field}`);
    if (!field) continue;
    // The first letter would stand in the midst of what was filled in before it.
    if (field.contains(document.activeElement)) waiting.set(field, guess);
    else fillOne(field, guess);
  }
}

function fillOne(field, { value, why }) {
  if (mine.has(field)) return;
  const before = read(field);
  if (before === value) return;
  // What stands there from before the page was opened was written by somebody.
  if (before && !filled.has(field)) return;
  if (!filled.has(field)) filled.set(field, before);
  write(field, value);
  say(field, why);
}

/** Take back what the file that is gone has filled in. */
export function unfill(row) {
  for (const field of row.querySelectorAll(".field")) {
    waiting.delete(field);
    if (filled.has(field) && !mine.has(field)) undo(field);
  }
}

function undo(field) {
  write(field, filled.get(field));
  filled.delete(field);
  unsay(field);
}

function read(field) {
  const chosen = field.querySelector("input:checked");
  return chosen ? chosen.value : (field.querySelector("input:not([type=radio])")?.value ?? "");
}

function write(field, value) {
  const radios = field.querySelectorAll("input[type=radio]");
  for (const radio of radios) radio.checked = radio.value === value;
  if (!radios.length) field.querySelector("input").value = value;
}

function say(field, why) {
  unsay(field);
  const note = document.createElement("p");
  note.className = "field__note";
  const words = document.createElement("span");
  words.id = `${field.querySelector("[id]").id}_note`;
  words.textContent = why;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "field__undo";
  button.textContent = gettext("Undo");
  button.addEventListener("click", () => {
    undo(field);
    mine.add(field);
    field.querySelector("input").focus();
  });
  note.append(words, button);
  field.append(note);
  field.dataset.filled = "";
}

function unsay(field) {
  field.querySelector(".field__note")?.remove();
  delete field.dataset.filled;
}
