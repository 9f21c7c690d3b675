// Writes a word that the team uses into its field: one tap, no typing.

/** Let the words below fields of `root` be pressed. */
export function takeOffers(root) {
  root.addEventListener("click", ({ target }) => {
    const word = target.closest("[data-offers] button");
    if (!word) return;
    const input = word.closest(".field").querySelector("input");
    input.value = word.textContent;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}
