// Sends the filters as soon as something is chosen; shows results as one types.

import { markHits } from "./hits.js";
import { marker, pageIn, renew } from "./page.js";

const PAUSE_MS = 180;

/** Make forms marked `data-filters` send themselves. */
export function filterAtOnce(root) {
  for (const form of root.querySelectorAll("form[data-filters]")) {
    form.addEventListener("change", ({ target }) => {
      if (target.type !== "search") form.requestSubmit();
    });
    // Empty fields, and what a button overrules, only make the address long.
    form.addEventListener("formdata", ({ formData }) => {
      for (const name of new Set(formData.keys())) {
        const last = formData.getAll(name).at(-1);
        if (last) formData.set(name, last);
        else formData.delete(name);
      }
    });
    if (marker(root)) findAsOneTypes(form);
  }
}

function findAsOneTypes(form) {
  let timer = 0;
  let running = null;
  form.addEventListener("input", ({ target }) => {
    if (target.type !== "search") return;
    clearTimeout(timer);
    timer = setTimeout(find, PAUSE_MS);
  });
  // What is on its way is older than what is sent now.
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    running?.abort();
  });
  markHits(document, form.elements.search.value);

  async function find() {
    running?.abort();
    running = new AbortController();
    const address = addressOf(form);
    form.ariaBusy = "true";
    try {
      const page = await pageIn(await fetch(address, { signal: running.signal }));
      if (!page) return;
      history.replaceState(history.state, "", address);
      renew(page);
      markHits(document, form.elements.search.value);
    } catch (error) {
      // Enter still sends the form as ever.
      if (error.name !== "AbortError") return;
    } finally {
      form.ariaBusy = null;
    }
  }
}

/** Where what `form` asks for stands; what it has no field for, such as a lane, stays. */
function addressOf(form) {
  const query = new URLSearchParams(new FormData(form));
  for (const [name, value] of new URLSearchParams(location.search)) {
    if (name !== "page" && !form.elements[name]) query.set(name, value);
  }
  const text = query.toString();
  return location.pathname + (text && `?${text}`);
}
