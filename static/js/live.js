// Shows by itself how far conversions are, and drawings from Onshape.
//
// Elements marked `data-converting` name a file that is queued or running, or a
// drawing that is fetched, and `data-was` its state. One cheap address tells the
// states of all of them; when one has changed, the page is read again and its
// `data-live` elements, found by their ids, take the place of the old ones.

const FIRST_MS = 1200;
const LAST_MS = 15000;
const SLOWER = 1.3;
const sentAs = new WeakMap();

/** Watch what is being converted in `root`; `enhance(element)` what is swapped in. */
export function watchConversions(root, enhance) {
  let delay = FIRST_MS;
  let timer = null;
  if (!pending(root).length) return;
  for (const element of root.querySelectorAll("[data-live]")) remember(element);
  document.addEventListener("visibilitychange", plan);
  plan();

  function plan() {
    clearTimeout(timer);
    if (document.hidden || !pending(root).length) return;
    timer = setTimeout(look, delay);
  }

  async function look() {
    try {
      const states = await read(statesAddress(root), "json");
      if (pending(root).some(({ dataset }) => states[dataset.converting] !== dataset.was)) {
        swap(root, await read(pageAddress(root), "text"), enhance);
        delay = FIRST_MS;
      }
    } catch (error) {
      // A lost network comes back; a lost sign-in does not by itself.
      if (error instanceof SignedOut) return;
    }
    delay = Math.min(delay * SLOWER, LAST_MS);
    plan();
  }
}

class SignedOut extends Error {}

function pending(root) {
  return [...root.querySelectorAll("[data-converting]")];
}

function statesAddress(root) {
  const ids = new Set(pending(root).map(({ dataset }) => dataset.converting));
  return `${document.body.dataset.states}?ids=${[...ids].join(",")}`;
}

/** Where this page is read: its own address, unless it answered a form. */
function pageAddress(root) {
  return root.querySelector("[data-page]")?.dataset.page ?? location.href;
}

async function read(address, kind) {
  const response = await fetch(address, { headers: { Accept: "*/*" } });
  if (response.redirected) throw new SignedOut();
  if (!response.ok) throw new Error(`${response.status} from ${address}`);
  return response[kind]();
}

function swap(root, text, enhance) {
  const page = new DOMParser().parseFromString(text, "text/html");
  for (const old of root.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(old.id);
    // What is no longer on the page need not be watched.
    if (!fresh) delete old.dataset.converting;
    if (!fresh || fresh.outerHTML === sentAs.get(old)) continue;
    const next = remember(document.importNode(fresh, true));
    old.replaceWith(next);
    enhance(next);
  }
}

/** Note how the server sent an element, before anything enhances it. */
function remember(element) {
  sentAs.set(element, element.outerHTML);
  return element;
}
