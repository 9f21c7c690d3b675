// A second tap on a button sends nothing: the first is on its way.

/** Let forms marked `data-once` be sent once. */
export function sendOnce(root) {
  root.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]") || event.defaultPrevented) return;
    if (form.ariaBusy === "true") event.preventDefault();
    else form.ariaBusy = "true";
  });
  // The way back shows the page as it was left.
  addEventListener("pageshow", () => {
    for (const form of root.querySelectorAll("[data-once]")) form.ariaBusy = null;
  });
}
