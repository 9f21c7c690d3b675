// Offers the words that the team uses most as buttons below a field: one tap, no typing.

import { gettext, interpolate } from "./words.js";

const OFFERED = 3;

/** Offer words for the inputs in `root` that have a list and are marked `data-offer`. */
export function offerWords(root) {
  for (const input of root.querySelectorAll("input[data-offer][list]")) {
    const words = [...(input.list?.options ?? [])].slice(0, OFFERED).map(({ value }) => value);
    if (words.length && !input.closest(".field").querySelector(".field__offers")) offer(input, words);
  }
}

function offer(input, words) {
  const box = document.createElement("div");
  box.className = "field__offers";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", interpolate(gettext("%(field)s: used most"), { field: input.labels[0].firstChild.textContent.trim() }));
  for (const word of words) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "field__offer";
    button.textContent = word;
    button.addEventListener("click", () => {
      input.value = word;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    box.append(button);
  }
  input.after(box);
}
