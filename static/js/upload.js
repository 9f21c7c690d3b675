// Says at once that a file is too large, and that a large one is on its way.

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
        line.textContent = `Sending ${input.files[0].name} (${megabytes(input.files[0].size)}).`;
      }
    });
  }
}

function isTooLarge({ files, dataset }) {
  return Boolean(files[0] && files[0].size > Number(dataset.limitBytes));
}

function refusal({ files, dataset }) {
  const limit = megabytes(Number(dataset.limitBytes));
  return `${files[0].name} has ${megabytes(files[0].size)}; ${limit} is the most. Nothing is sent.`;
}

function megabytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 * 10 ? 1 : 0)} MB`;
}
