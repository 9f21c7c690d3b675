// Closes what is open when one presses Escape or somewhere else.

const OPEN = ".menu[open], :is(.part-card, .work-row) .ask[open]";

/** Close menus of `root` as people expect it. */
export function closeMenus(root) {
  root.addEventListener("click", ({ target }) => {
    for (const open of root.querySelectorAll(OPEN)) {
      if (!open.contains(target)) open.open = false;
    }
  });
  root.addEventListener("keydown", ({ key, target }) => {
    const open = key === "Escape" && target.closest?.(OPEN);
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  // What a step asks for is ticked or typed at once.
  root.addEventListener(
    "toggle",
    ({ target }) => {
      if (target.open && target.matches(".ask")) {
        target.querySelector("[data-wishes] input, .ask__input")?.focus();
      }
    },
    true,
  );
}
