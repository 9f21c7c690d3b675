// The page as the server sent it, renewed in place: focus, scroll and words stay.

import { addMessages } from "./messages.js";
import { isBusy, morph, remember } from "./morph.js";

/** What shows one part among others. */
export const CARDS = ".part-card, .work-row";
export const LINKS = ".part-card__link, .work-row__link";

const ANCHORS = `${CARDS}, .part-page [id]`;

let sent = null;
let renewals = 0;
let wake = () => {};

/** Note the page of `root` as it was sent, and what wakes elements that are added. */
export function rememberPage(root, wakeUp) {
  if (!marker(root)) return;
  sent = remember(root.getElementById("main"));
  // The browser's own anchoring would move the view a second time.
  root.documentElement.style.overflowAnchor = "none";
  wake = wakeUp;
}

/** The element that says which version of what the page shows; none if it is not live. */
export function marker(root) {
  return root.querySelector("#main [data-version]");
}

/** Where this page is read: its own address, unless it answered a form. */
export function pageAddress() {
  const own = marker(document).dataset.page ?? location.pathname;
  return own === location.pathname ? location.href : own;
}

/** Return the page in `response`, or null if it is not this page, live. */
export async function pageIn(response) {
  const answer = await answerIn(response);
  return answer?.isHere ? answer.page : null;
}

/** Return the page in `response`, its address, and whether it is this one; or null. */
export async function answerIn(response) {
  if (!response.ok) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  // Who is signed out sees no boards.
  if (!page.querySelector(".boards")) return null;
  const { pathname } = new URL(response.url);
  const isSame = pathname === new URL(pageAddress(), location.href).pathname;
  return { page, address: response.url, isHere: isSame && Boolean(marker(page)) };
}

/** The server is not to be had just now. */
export class NotNow extends Error {}

/** As fetch, but what the network does is a NotNow. */
export async function reach(...request) {
  try {
    return await fetch(...request);
  } catch (error) {
    throw new NotNow("", { cause: error });
  }
}

/** Read the page anew; null if it is not there, or older than what came meanwhile. */
export async function readPage() {
  const before = renewals;
  const page = await pageIn(await reach(pageAddress(), { cache: "no-store" }));
  return before === renewals ? page : null;
}

/**
 * Make the page what `page` is; return what was kept because somebody is at work.
 *
 * `own` is the card whose step led to it: where that goes, the view does not follow.
 */
export function renew(page, own = null) {
  renewals += 1;
  const focus = noteFocus();
  const anchor = noteAnchor(own);
  const places = notePlaces();
  shareToken(page);
  const { added, kept, ...now } = morph(sent, page.getElementById("main"));
  sent = now.sent;
  document.title = page.title;
  anchor();
  focus();
  added.forEach(wake);
  showMoves(places, added);
  addMessages(page.querySelectorAll(".messages .message"));
  return kept;
}

/** Forms of every version carry one token, else each would differ from itself. */
function shareToken(page) {
  const name = "input[name=csrfmiddlewaretoken]";
  const token = page.querySelector(name)?.getAttribute("value");
  if (!token) return;
  for (const tree of [sent, page, document]) {
    for (const field of tree.querySelectorAll(name)) field.setAttribute("value", token);
  }
}

/** Return what puts the focus back, or near to where it was. */
function noteFocus() {
  const focused = document.activeElement;
  const card = focused.closest(CARDS);
  const cards = card ? [...document.querySelectorAll(CARDS)] : [];
  const at = cards.indexOf(card);
  return () => {
    if (document.activeElement === focused || focused === document.body) return;
    const near = [card, ...cards.slice(at + 1), ...cards.slice(0, Math.max(at, 0)).reverse()];
    const next = focused.isConnected ? focused : linkOf(near.find((one) => one?.isConnected));
    (next ?? document.getElementById("main")).focus({ preventScroll: true });
  };
}

function linkOf(card) {
  return card?.querySelector(LINKS);
}

/** Return what scrolls back so that what is being looked at stands still. */
function noteAnchor(own) {
  const seen = [...document.querySelectorAll(ANCHORS)]
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([element, box]) => element !== own && box.height && isSeen(box))
    .map(([element, box]) => [element, box.top]);
  const busy = seen.find(([element]) => isBusy(element));
  return () => {
    // At the top what comes in is to be seen, unless somebody is at work there.
    if (!scrollY && !busy) return;
    const [element, top] = [busy ?? [], ...seen].find(([one]) => one?.isConnected) ?? [];
    const by = element ? element.getBoundingClientRect().top - top : 0;
    if (by) scrollBy({ top: by, behavior: "instant" });
  };
}

function notePlaces() {
  return [...document.querySelectorAll(CARDS)]
    .map((card) => [card, card.getBoundingClientRect()])
    .filter(([, box]) => isSeen(box));
}

/** Explain what moved by moving it; the token says for how long, or that nothing moves. */
function showMoves(places, added) {
  const look = getComputedStyle(document.documentElement);
  const duration = parseFloat(look.getPropertyValue("--motion"));
  if (!duration) return;
  for (const [card, was] of places) {
    const is = card.getBoundingClientRect();
    const [x, y] = [was.left - is.left, was.top - is.top];
    if (card.isConnected && (x || y) && isSeen(is)) {
      card.animate({ translate: [`${x}px ${y}px`, "0 0"] }, { duration, easing: "ease-out" });
    }
  }
  for (const card of added) {
    if (card.matches(CARDS)) card.animate({ opacity: [0, 1] }, { duration });
  }
}

function isSeen({ bottom, top }) {
  return bottom > 0 && top < innerHeight;
}
