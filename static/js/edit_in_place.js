// Changes one field of a part where it stands.
//
// A pen, `a[data-edit]`, leads to a small page with the form of its field. That
// form is put in place of the value, in the `[data-field]` around the pen. What is
// sent is answered as without a script: with the form again, if something is
// wrong or somebody else was faster, or with the part's page as it is now.

import { renew } from "./page.js";
import { gettext } from "./words.js";

/** Let fields be changed in place in `root`. */
export function editInPlace(root) {
  if (!root.querySelector("[data-edit-in-place]")) return;

  root.addEventListener("click", (event) => {
    const pen = event.target.closest("a[data-edit]");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (pen && isPlain) {
      event.preventDefault();
      open(pen);
    } else if (event.target.closest("[data-cancel]")) {
      event.preventDefault();
      close(event.target.closest("[data-field]"));
    }
  });
  root.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("[data-field] .field-form");
    if (!form) return;
    if (event.key === "Escape") {
      event.stopPropagation();
      close(form.closest("[data-field]"));
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      form.requestSubmit();
    }
  });
  root.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-field] .field-form")) return;
    event.preventDefault();
    if (event.target.ariaBusy !== "true") send(event.target);
  });

  async function open(pen) {
    const box = pen.closest("[data-field]");
    if (pen.ariaBusy === "true" || box.querySelector(".field-form")) return;
    pen.ariaBusy = "true";
    try {
      const form = (await read(pen.href)).querySelector(".field-form");
      for (const other of root.querySelectorAll("[data-editing]")) close(other);
      put(root.importNode(form, true), box);
    } catch {
      location.assign(pen.href); // the page says what is wrong
    } finally {
      pen.ariaBusy = null;
    }
  }

  function close(box) {
    box.querySelector(".field-form").remove();
    delete box.dataset.editing;
    box.querySelector("[data-edit]").focus();
  }

  async function send(form) {
    const box = form.closest("[data-field]");
    form.ariaBusy = "true";
    try {
      const page = await read(form.action, new FormData(form));
      const again = page.querySelector(".field-form");
      if (again) return put(root.importNode(again, true), box);
      // Signed out, or the part is gone: the way without a script leads on.
      if (!page.querySelector("[data-edit-in-place]")) return form.submit();
      close(box);
      renew(page);
      root.querySelector(`[data-edit="${box.dataset.field}"]`)?.focus();
    } catch {
      form.ariaBusy = null;
      complain(form);
    }
  }
}

async function read(address, body) {
  const response = await fetch(address, { method: body ? "POST" : "GET", body });
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function put(form, box) {
  box.querySelector(".field-form")?.remove();
  box.dataset.editing = "";
  box.append(form);
  const controls = [...form.querySelectorAll("input, select, textarea")];
  const shown = controls.filter(({ type }) => type !== "hidden");
  const first = shown.find(({ checked }) => checked) ?? shown[0];
  first.focus();
  if (first.matches("input:not([type=radio], [type=date])")) first.select();
}

function complain(form) {
  const line = form.querySelector("[data-trouble]") ?? document.createElement("p");
  line.dataset.trouble = "";
  line.className = "errorlist";
  line.role = "alert";
  line.textContent = gettext("It is not saved: the server cannot be reached. Try again.");
  form.querySelector(".field-form__foot").before(line);
}
