// Shows what is found on all boards below the finder while one types.

import { markHits } from "./hits.js";

const PAUSE_MS = 140;

/** Give the finder of `root` a list of results; Enter alone sends it as ever. */
export function findParts(root) {
  const form = root.querySelector("form[data-find]");
  if (!form) return;
  const input = form.elements.search;
  const status = root.createElement("p");
  status.className = "visually-hidden";
  status.role = "status";
  form.append(status);
  for (const [name, value] of Object.entries({
    role: "combobox",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
    "aria-controls": "found",
    autocomplete: "off",
  })) {
    input.setAttribute(name, value);
  }
  let list = null;
  let timer = 0;
  let running = null;

  input.addEventListener("input", () => {
    clearTimeout(timer);
    running?.abort();
    if (input.value.trim()) timer = setTimeout(find, PAUSE_MS);
    else close();
  });
  input.addEventListener("focus", () => list || (input.value.trim() && find()));
  input.addEventListener("keydown", (event) => {
    const act = { ArrowDown: () => go(1), ArrowUp: () => go(-1), Enter: open, Escape: leave }[event.key];
    if (act?.()) event.preventDefault();
  });
  form.addEventListener("focusout", ({ relatedTarget }) => {
    if (!form.contains(relatedTarget)) close();
  });
  // A press on a result must not take the focus, and the list with it, first.
  form.addEventListener("mousedown", (event) => {
    if (list?.contains(event.target)) event.preventDefault();
  });

  async function find() {
    running?.abort();
    running = new AbortController();
    const query = new URLSearchParams({ search: input.value });
    try {
      const { signal } = running;
      const response = await fetch(`${form.dataset.find}?${query}`, { signal, redirect: "manual" });
      if (!response.ok) return;
      show(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch {
      // Typed on, or offline: Enter still sends the form.
    }
  }

  function show(page) {
    close();
    if (root.activeElement !== input) return;
    list = root.importNode(page.querySelector(".found"), true);
    status.textContent = list.querySelector("[data-found-count]").textContent;
    input.setAttribute("aria-expanded", String(options().length > 0));
    form.append(list);
    markHits(list, input.value);
  }

  function close() {
    list?.remove();
    list = null;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function options() {
    return list ? [...list.querySelectorAll("[role=option]")] : [];
  }

  function active() {
    return options().find((option) => option.ariaSelected === "true");
  }

  function go(by) {
    const all = options();
    if (!all.length) return false;
    const at = all.indexOf(active());
    const next = all[(at + by + (at < 0 && by < 0 ? 1 : 0) + all.length) % all.length];
    for (const option of all) option.ariaSelected = String(option === next);
    input.setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
    return true;
  }

  function open() {
    active()?.click();
    return Boolean(active());
  }

  function leave() {
    const was = Boolean(list);
    close();
    return was;
  }
}
