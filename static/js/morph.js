// Makes a part of the page what the server would send now, and touches no more.
//
// Three trees are compared: what was sent, what is sent now, and the page. Only
// what the server changed is changed on the page, so what scripts and people did
// there since (a menu that is open, a viewer, a word half typed) stays. Elements
// with an id are found again wherever they moved to; others in their order.

import { gettext } from "./words.js";

const NAMED_BY = { A: "href", FORM: "action", INPUT: "name", BUTTON: "name" };
const UNITS = ".part-card, .work-row, [data-live], [data-editing], details";

const twins = new WeakMap(); // a node as it was sent → the node on the page
const origins = new WeakMap(); // the reverse

/** Return `live` as it was sent; call it before anything enhances the page. */
export function remember(live) {
  const sent = live.cloneNode(true);
  pairAll(sent, live);
  return sent;
}

/**
 * Change the page from `sent` to `fresh`; return what was added, what was kept, and
 * the `sent` of the next call. Both trees are used up.
 *
 * A card, or another unit, in which somebody is at work is kept as it is and
 * marked `data-meanwhile`; the next call tries again.
 */
export function morph(sent, fresh) {
  const run = {
    added: [],
    kept: [],
    known: byId(sent),
    wanted: byId(fresh),
    isNew: new WeakSet(),
    path: [], // the elements whose children are at work
  };
  const stands = morphNode(sent, fresh, run);
  sweep(twins.get(stands), stands, run);
  return { added: run.added, kept: run.kept, sent: stands };
}

/** Whether somebody is at work in `unit`: has opened something, or typed where it shows. */
export function isBusy(unit) {
  const opened = [...unit.querySelectorAll("details[open]"), unit].filter(
    (element) => element.open && !origins.get(element)?.open,
  );
  const focused = document.activeElement;
  return (
    opened.length > 0 ||
    (unit.contains(focused) && focused.matches("input, textarea, select")) ||
    [...unit.querySelectorAll("input, textarea, select")].some(isTouched)
  );
}

function isTouched(field) {
  if (field.type === "hidden" || !field.checkVisibility()) return false;
  if (field.options) {
    const usual = [...field.options].findLastIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(usual, 0);
  }
  return field.value !== field.defaultValue || field.checked !== field.defaultChecked;
}

function pairAll(sent, live) {
  pair(sent, live);
  sent.childNodes.forEach((child, n) => pairAll(child, live.childNodes[n]));
}

function pair(sent, live) {
  twins.set(sent, live);
  origins.set(live, sent);
}

function byId(tree) {
  return new Map([...tree.querySelectorAll("[id]")].map((node) => [node.id, node]));
}

/** Bring one node up to date; return which of the two now stands for what was sent. */
function morphNode(sent, fresh, run) {
  const live = twins.get(sent);
  if (sent.isEqualNode(fresh)) return sent;
  if (live.nodeType !== Node.ELEMENT_NODE) {
    live.data = fresh.data;
  } else {
    if (isHeld(live, run)) return sent;
    morphAttributes(sent, fresh, live);
    morphChildren([...sent.childNodes], fresh, live, run);
  }
  pair(fresh, live);
  return fresh;
}

function isHeld(live, run) {
  const held = live.matches(UNITS) && isBusy(live);
  if (held) {
    live.dataset.meanwhile = gettext("Changed meanwhile");
    run.kept.push(live);
  } else {
    delete live.dataset.meanwhile;
  }
  return held;
}

/** Whether somebody is at work in a unit within `live`. */
function holds(live) {
  return [...(live.querySelectorAll?.(UNITS) ?? [])].some(isBusy);
}

function morphAttributes(sent, fresh, live) {
  for (const { name, value } of fresh.attributes) {
    if (sent.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  for (const { name } of sent.attributes) {
    if (!fresh.hasAttribute(name)) live.removeAttribute(name);
  }
}

function morphChildren(old, fresh, live, run) {
  run.path.push(live);
  const nameless = old.filter((node) => !node.id);
  const found = new Set();
  let last = null;
  for (const child of [...fresh.childNodes]) {
    const match = child.id ? run.known.get(child.id) : nextAlike(nameless, child);
    const isSame = match?.nodeName === child.nodeName && !isAround(run.path, match);
    if (isSame) found.add(match);
    const stands = isSame ? morphNode(match, child, run) : added(child, live, run);
    if (stands !== child) child.replaceWith(stands);
    // Where somebody is at work nothing moves, nor what holds that; the next call
    // tries again.
    const standing = twins.get(stands);
    const stays = run.kept.includes(standing) || standing.contains(live);
    if (!stays) last = place(standing, live, last);
  }
  for (const node of old) {
    if (found.has(node) || run.wanted.get(node.id)?.nodeName === node.nodeName) continue;
    if (!drop(twins.get(node), run)) fresh.append(node);
  }
  run.path.pop();
}

/** Whether `match` holds what is being filled: it cannot come to stand in it. */
function isAround(path, match) {
  const live = twins.get(match);
  return path.some((element) => live.contains(element));
}

/**
 * Where something was kept, what was to move out of it or into it stands in one of
 * the two trees only; take it away there.
 */
function sweep(live, sent, run) {
  for (const node of nodesOf(sent)) {
    if (origins.get(twins.get(node)) !== node) node.remove();
  }
  for (const node of nodesOf(live)) {
    const origin = origins.get(node);
    if (origin && !sent.contains(origin)) drop(node, run);
  }
}

function nodesOf(tree) {
  const nodes = [];
  const all = document.createNodeIterator(tree);
  for (let node = all.nextNode(); node; node = all.nextNode()) nodes.push(node);
  return nodes;
}

/** Take a node off the page, or leave it until whoever is at work there is done. */
function drop(node, run) {
  const isWorkedOn = node.matches?.(UNITS) ? isHeld(node, run) : holds(node);
  if (!isWorkedOn) node.remove();
  return !isWorkedOn;
}

/** Take from `nameless` what `child` is now; words only where they are next in line. */
function nextAlike(nameless, child) {
  const at =
    child.nodeType === Node.ELEMENT_NODE
      ? nameless.findIndex((node) => isAlike(node, child))
      : nameless[0]?.nodeName === child.nodeName
        ? 0
        : -1;
  return at < 0 ? null : nameless.splice(at, 1)[0];
}

function isAlike(node, child) {
  if (node.nodeName !== child.nodeName) return false;
  const name = NAMED_BY[node.nodeName];
  return (
    node.className === child.className &&
    node.getAttribute(name) === child.getAttribute(name) &&
    !node.matches("[data-viewer]")
  );
}

/** Put a new node on the page, with those of its descendants that were there before. */
function added(child, parent, run) {
  const live = document.importNode(child, false);
  pair(child, live);
  if (live.nodeType === Node.ELEMENT_NODE) {
    run.isNew.add(live);
    morphChildren([], child, live, run);
    // What is in something new is woken with it.
    if (!run.isNew.has(parent)) run.added.push(live);
  }
  return child;
}

function place(live, parent, last) {
  const isThere =
    live.parentNode === parent &&
    (!last || last.compareDocumentPosition(live) & Node.DOCUMENT_POSITION_FOLLOWING);
  if (!isThere) move(live, parent, last ? last.nextSibling : parent.firstChild);
  return live;
}

function move(live, parent, before) {
  // Where the browser can, without losing focus, scroll and what is open.
  if (parent.moveBefore && live.isConnected && parent.isConnected) {
    parent.moveBefore(live, before);
  } else {
    parent.insertBefore(live, before);
  }
}
