// Hands in parts, the file first: each is sent at once, one part for every STEP file,
// and its part is described from it while the person types.

import { inWords } from "./bytes.js";
import { fill, noteTouches, unfill } from "./fill.js";
import { takeOffers } from "./suggest.js";
import { send } from "./transfer.js";
import { gettext, interpolate, ngettext } from "./words.js";

const KINDS = { step: "step", stp: "step", pdf: "drawing" };
const FIRST_MS = 900;
const LAST_MS = 10_000;
const SLOWER = 1.4;

/** Let `form` take files one by one. */
export function handIn(form) {
  const rows = form.querySelector("[data-rows]");
  const input = form.elements.file;
  const refused = form.querySelector("[data-refused]");
  const said = form.querySelector("[data-said]");
  const wait = form.querySelector("[data-wait]");
  const button = form.querySelector("[data-send]");
  const buttonWords = button.textContent;
  const limit = Number(refused.dataset.limitBytes);
  let delay = FIRST_MS;
  let timer = null;
  let isLeaving = false;

  noteTouches(rows);
  takeOffers(form);
  input.addEventListener("change", takeChosen);
  // Dropped beside the box, a file would take the place of the page.
  const box = form.querySelector("[data-drop]");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      box.toggleAttribute("data-over", kind === "dragover");
      if (kind === "drop") take([...event.dataTransfer.files]);
    });
  }
  form.addEventListener("click", ({ target }) => {
    const remove = target.closest("[data-remove]");
    if (remove) letGo(remove);
  });
  form.addEventListener("submit", (event) => {
    const failed = form.querySelector("[data-failed]");
    const isWaited = form.querySelector("[data-sending]:not([data-failed])");
    if (!failed && !isWaited) {
      // What is handed in is no draft any more, and has no picture as one.
      isLeaving = true;
      clearTimeout(timer);
      return;
    }
    event.preventDefault();
    if (failed) {
      // Without it a part would be handed in that nobody meant.
      tell(interpolate(gettext("Send %(name)s again, or cancel it."), { name: failed.dataset.name }));
      failed.querySelector("[data-retry]").focus();
    } else {
      form.dataset.waits = "";
      wait.hidden = false;
      tell(wait.textContent);
    }
  });
  addEventListener("pageshow", () => {
    isLeaving = false;
    plan();
  });
  document.addEventListener("visibilitychange", plan);
  for (const row of rows.children) describe(row);
  settle();
  plan();
  takeChosen(); // faster than this script came
  form.dataset.ready = "";

  // --- Files in -------------------------------------------------------------------

  function takeChosen() {
    if (!input.files.length) return;
    take([...input.files]);
    input.value = "";
  }

  function take(files) {
    refused.replaceChildren();
    delete form.dataset.waits;
    wait.hidden = true;
    const good = files.filter((file) => !refuse(file));
    // A drawing finds its part once the STEP files have theirs.
    good.sort((a, b) => (kindOf(b) === "step") - (kindOf(a) === "step"));
    for (const file of good) {
      const row = rowFor(file);
      if (row) deliver(file, row);
    }
    if (good.length) {
      const text = ngettext("%(count)s file is being sent.", "%(count)s files are being sent.", good.length);
      tell(interpolate(text, { count: good.length }));
    }
    settle();
  }

  function refuse(file) {
    let words = "";
    if (!kindOf(file)) {
      words = gettext("%(name)s: only .step, .stp and .pdf files are taken.");
    } else if (file.size > limit) {
      words = gettext("%(name)s has %(size)s; %(limit)s is the most. It is not sent.");
    } else if (!file.size) {
      words = gettext("%(name)s is empty. Export it again.");
    }
    if (!words) return false;
    complain(interpolate(words, { name: file.name, size: inWords(file.size), limit: inWords(limit) }));
    return true;
  }

  function complain(words) {
    const line = document.createElement("li");
    line.textContent = words;
    refused.append(line);
    tell(words);
  }

  /** Return the row that a file belongs to: that of its name, an empty one, a new one. */
  function rowFor(file) {
    const kind = kindOf(file);
    const all = [...rows.children];
    const free = all.filter((row) => !filesOf(row).some((has) => has.kind === kind));
    const named = free.find((row) => filesOf(row).some((has) => has.stem === stemOf(file.name)));
    const empty = free.find((row) => !filesOf(row).length);
    const only = kind === "drawing" && all.length === 1 ? free[0] : null;
    const row = named ?? empty ?? only;
    if (row) return row;
    if (all.length >= Number(form.dataset.most)) {
      const words = gettext("%(most)s parts are the most at once. %(name)s is left out.");
      complain(interpolate(words, { most: form.dataset.most, name: file.name }));
      return null;
    }
    return addRow();
  }

  function addRow() {
    const prefix = `${Math.max(0, ...[...rows.children].map(({ dataset }) => Number(dataset.row) || 0)) + 1}`;
    const row = document.importNode(form.querySelector("[data-new-row]").content, true).firstElementChild;
    for (const element of [row, ...row.querySelectorAll("*")]) {
      for (const { name, value } of [...element.attributes]) {
        if (/(^|[ _])new-/.test(value)) {
          element.setAttribute(name, value.replaceAll(/(^|[ _])new-/g, `$1${prefix}-`));
        }
      }
    }
    row.dataset.row = prefix;
    row.querySelector("[name=rows]").value = prefix;
    row.querySelector("[data-uuid]").value = newUuid();
    rows.append(row);
    return row;
  }

  function deliver(file, row) {
    const element = document.importNode(form.querySelector("[data-new-sending]").content, true).firstElementChild;
    const find = (name) => element.querySelector(name);
    let callOff = () => {};
    element.dataset.name = file.name;
    element.dataset.kind = kindOf(file);
    find("[data-name]").textContent = file.name;
    find("[data-cancel]").addEventListener("click", () => {
      callOff();
      element.remove();
      tell(interpolate(gettext("%(name)s is not sent."), { name: file.name }));
      tidy(row);
      ended();
    });
    find("[data-retry]").addEventListener("click", begin);
    row.querySelector("[data-files]").append(element);
    begin();

    function begin() {
      delete element.dataset.failed;
      find("[data-error]").hidden = true;
      find("[data-retry]").hidden = true;
      find("progress").hidden = false;
      const body = new FormData();
      body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
      body.append("part", row.querySelector("[data-uuid]").value);
      body.append("file", file);
      callOff = send(form.dataset.files, body, { onProgress, onEnd });
    }

    function onProgress({ share, line }) {
      find("progress").value = share;
      find("[data-line]").textContent = line;
    }

    function onEnd({ page, error }) {
      if (error) {
        element.dataset.failed = "";
        find("progress").hidden = true;
        find("[data-line]").textContent = "";
        find("[data-error]").textContent = error;
        find("[data-error]").hidden = false;
        find("[data-retry]").hidden = false;
        tell(`${file.name}: ${error}`);
      } else {
        element.remove();
        place(row, page);
        tell(interpolate(gettext("%(name)s is here."), { name: file.name }));
        delay = FIRST_MS;
        plan();
      }
      ended();
    }
  }

  /** Go on with handing in, if it waited for the last file. */
  function ended() {
    settle();
    if (form.dataset.waits === undefined || form.querySelector("[data-sending]:not([data-failed])")) return;
    delete form.dataset.waits;
    wait.hidden = true;
    if (!form.querySelector("[data-failed]")) form.requestSubmit(button);
  }

  // --- Files that are here --------------------------------------------------------

  /** Put what the server tells of a file into its row. */
  function place(row, page) {
    for (const fresh of page.querySelectorAll("[data-draft]")) {
      const node = document.importNode(fresh, true);
      const old = document.getElementById(node.id);
      if (old) old.replaceWith(node);
      else row.querySelector("[data-files]").append(node);
    }
    describe(row);
  }

  function describe(row) {
    // The STEP file tells more than its drawing, so it has the last word.
    const drafts = [...row.querySelectorAll("[data-draft]")].sort((a, b) => (a.dataset.kind === "step") - (b.dataset.kind === "step"));
    for (const { dataset } of drafts) fill(row, JSON.parse(dataset.guesses));
  }

  async function letGo(remove) {
    const draft = remove.closest("[data-draft]");
    const row = draft.closest("[data-row]");
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    const answer = await fetch(remove.dataset.remove, { method: "POST", body }).catch(() => null);
    if (!answer?.ok && answer?.status !== 404) {
      complain(interpolate(gettext("%(name)s could not be removed. Try again."), { name: draft.dataset.name }));
      return;
    }
    draft.remove();
    unfill(row);
    describe(row);
    tell(interpolate(gettext("%(name)s is removed."), { name: draft.dataset.name }));
    tidy(row);
    settle();
    input.focus();
  }

  /** Take away a part that was there for its file only. */
  function tidy(row) {
    if (!filesOf(row).length && rows.children.length > 1) row.remove();
  }

  /** Fit the words of the page to how many parts there are. */
  function settle() {
    const count = rows.children.length;
    form.toggleAttribute("data-has-files", [...rows.children].some((row) => filesOf(row).length));
    const many = ngettext("Hand in %(count)s part", "Hand in %(count)s parts", count);
    button.textContent = count > 1 ? interpolate(many, { count }) : buttonWords;
    // A page that is read again finds its files.
    const address = new URL(location.href);
    address.searchParams.delete("part");
    for (const row of rows.querySelectorAll("[data-row]:has([data-draft])")) {
      address.searchParams.append("part", row.querySelector("[data-uuid]").value);
    }
    history.replaceState(history.state, "", address);
    const seen = new Set();
    for (const draft of rows.querySelectorAll("[data-draft]")) {
      draft.querySelector("[data-again]").hidden = !seen.has(draft.dataset.hash);
      seen.add(draft.dataset.hash);
    }
    [...rows.children].forEach((row, n) => {
      row.querySelector(".field--material input").placeholder = n ? gettext("As above") : "";
    });
  }

  // --- How far the server is --------------------------------------------------------

  function plan() {
    clearTimeout(timer);
    if (isLeaving || document.hidden || !form.querySelector("[data-converting]")) return;
    timer = setTimeout(look, delay);
  }

  async function look() {
    const asked = [...form.querySelectorAll("[data-converting]")].map(({ dataset }) => dataset.part);
    try {
      const answer = await fetch(`${form.dataset.files}?parts=${asked.join(",")}`);
      if (answer.redirected || isLeaving) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const fresh of page.querySelectorAll("[data-draft]:not([data-converting])")) {
        const old = document.getElementById(fresh.id);
        if (!old?.matches("[data-converting]")) continue;
        old.replaceWith(document.importNode(fresh, true));
        describe(document.getElementById(fresh.id).closest("[data-row]"));
        settle();
        delay = FIRST_MS;
      }
    } catch {
      // A lost network comes back.
    }
    delay = Math.min(delay * SLOWER, LAST_MS);
    plan();
  }

  function tell(words) {
    said.textContent = words;
  }
}

/** List what a row has by now, or is being sent for it. */
function filesOf(row) {
  return [...row.querySelectorAll("[data-draft], [data-sending]")].map(({ dataset }) => ({
    kind: dataset.kind,
    stem: stemOf(dataset.name),
  }));
}

function kindOf({ name }) {
  return KINDS[name.split(".").pop().toLowerCase()];
}

function stemOf(name) {
  return name.replace(/\.[^.]*$/, "").toLowerCase();
}

/** `crypto.randomUUID()` is only there over HTTPS, and shops have none. */
function newUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return text.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
