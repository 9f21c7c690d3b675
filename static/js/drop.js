// Takes a file that is dropped anywhere on the box of its field.

/** Let the boxes marked `data-drop` in `root` take files. */
export function dropZones(root) {
  for (const box of root.querySelectorAll("[data-drop]")) {
    const input = box.querySelector("input[type=file]");
    for (const kind of ["dragover", "dragleave", "drop"]) {
      box.addEventListener(kind, (event) => {
        event.preventDefault();
        box.toggleAttribute("data-over", kind === "dragover");
      });
    }
    box.addEventListener("drop", ({ dataTransfer }) => {
      if (!dataTransfer.files.length) return;
      input.files = dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }
}
