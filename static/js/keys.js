// The boards from the keyboard: j and k from card to card, t takes, ? says the rest.
//
// Never while something is typed, with a modifier, in a dialog or in the viewer,
// whose keys are its own. Who is troubled by single keys turns them off in the
// list, for this device.

import { CARDS, LINKS } from "./page.js";

const OFF = "keys-off";
const GO = {
  h: ".topbar__home",
  r: ".boards__link[data-go=review]",
  p: ".boards__link[data-go=production]",
  c: ".boards__link[data-go=completed]",
};
const GO_MS = 1500;
const ELSEWHERE = "input, textarea, select, [contenteditable], dialog, [data-viewer], .viewer";

/** Listen to keys in `root`. */
export function listenToKeys(root) {
  let waitsForPlace = 0;
  root.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.isComposing || target.closest?.(ELSEWHERE)) return;
    const isArrow = key === "ArrowDown" || key === "ArrowUp";
    if (isArrow ? !target.closest?.(LINKS) : areOff() && key !== "?") return;
    const wasGo = Date.now() - waitsForPlace < GO_MS;
    waitsForPlace = key === "g" ? Date.now() : 0;
    if (wasGo && key in GO ? visit(root, GO[key]) : act(root, key)) event.preventDefault();
  });
  for (const button of root.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => showList(root));
  }
}

/** Turn single keys on or off for this device. */
function turnKeys(on) {
  if (on) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, "1");
}

function areOff() {
  return localStorage.getItem(OFF) !== null;
}

/** Do what `key` stands for; return whether it stands for something here. */
function act(root, key) {
  switch (key) {
    case "j":
    case "ArrowDown":
      return step(root, 1);
    case "k":
    case "ArrowUp":
      return step(root, -1);
    case "t":
      return press(root, "form[data-step='parts:assign']:not(.ask__panel) button");
    case "d":
      return press(root, "details.ask:has(form[data-step='parts:complete']) > summary");
    case "e":
      return press(root, "a[data-edit]");
    case "m":
      return press(root, ".menu__open");
    case "/":
      return search(root);
    case "?":
      return showList(root);
    default:
      return false;
  }
}

/** Go to the next card that is seen, or to the one before. */
function step(root, by) {
  const links = [...root.querySelectorAll(LINKS)].filter((link) => link.checkVisibility());
  if (!links.length) return false;
  const at = links.indexOf(current(root)?.querySelector(LINKS));
  const next = at < 0 ? links[firstSeen(links)] : links[at + by];
  next?.focus({ preventScroll: true });
  // Its scroll margin keeps it clear of the bars.
  next?.closest(CARDS).scrollIntoView({ block: "nearest" });
  return true;
}

function firstSeen(links) {
  const at = links.findIndex((link) => link.getBoundingClientRect().top > 0);
  return Math.max(at, 0);
}

/** The card that has the focus; on a part's own page the page itself. */
function current(root) {
  return root.activeElement.closest(CARDS) ?? root.querySelector(".part-page");
}

function press(root, selector) {
  const found = current(root)?.querySelector(selector);
  found?.focus({ preventScroll: true });
  found?.click();
  return Boolean(found);
}

function search(root) {
  const fields = [...root.querySelectorAll("#finder, #filter-search")];
  const field = fields.find((one) => one.checkVisibility());
  field?.focus();
  field?.select();
  return Boolean(field);
}

function visit(root, place) {
  const link = root.querySelector(place);
  link?.click();
  return Boolean(link);
}

function showList(root) {
  import("./keys-list.js").then(({ showKeys }) => showKeys(root, { areOff, turnKeys }));
  return true;
}
