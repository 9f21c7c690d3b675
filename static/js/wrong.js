// Brings whoever sent a form with something wrong in it to the first of it.

/** Focus the first wrong field in `root`, if there is one. */
export function focusFirstWrong(root) {
  root.querySelector("[data-wrong] :is(input:not([type=hidden]), select, textarea)")?.focus();
}
