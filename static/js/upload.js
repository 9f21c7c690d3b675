// Says at once that a file is too large, and that a large one is on its way.

import { inWords } from "./bytes.js";
import { gettext, interpolate } from "./words.js";

const WORTH_SAYING_BYTES = 1_000_000;

/** Watch the forms marked `data-upload` in `root`. */
export function watchUploads(root) {
  for (const form of root.querySelectorAll("form[data-upload]")) {
    const line = document.createElement("p");
    line.className = "upload-line";
    line.setAttribute("role", "status");
    const input = form.elements.file;
    input.after(line);
    input.addEventListener("change", () => {
      line.textContent = isTooLarge(input) ? refusal(input) : "";
      line.toggleAttribute("data-wrong", isTooLarge(input));
    });
    form.addEventListener("submit", (event) => {
      if (isTooLarge(input)) {
        event.preventDefault();
        input.focus();
      } else if (input.files[0]?.size > WORTH_SAYING_BYTES) {
        const { name, size } = input.files[0];
        const words = gettext("Sending %(name)s (%(size)s).");
        line.textContent = interpolate(words, { name, size: inWords(size) });
      }
    });
  }
}

function isTooLarge({ files, dataset }) {
  return Boolean(files[0] && files[0].size > Number(dataset.limitBytes));
}

function refusal({ files, dataset }) {
  const { name, size } = files[0];
  return interpolate(gettext("%(name)s has %(size)s; %(limit)s is the most. Nothing is sent."), {
    name,
    size: inWords(size),
    limit: inWords(Number(dataset.limitBytes)),
  });
}
