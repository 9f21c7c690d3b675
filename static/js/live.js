// Keeps an open page up to date while others work.
//
// Every few seconds it asks which version of the shop there is now, with a
// conditional GET that is nearly always answered by 304. Where something that this
// page shows has changed, the page is read again and what differs is swapped in. A
// server that is busy wishes to be asked less often.

import { addMessage } from "./messages.js";
import { isBusy } from "./morph.js";
import { marker, NotNow, reach, readPage, renew } from "./page.js";
import { gettext, interpolate, ngettext } from "./words.js";

const EVERY_MS = 3500;
const HIDDEN_MS = 45_000;
const SLOWEST_MS = 30_000;
const TOO_OLD_MS = 10 * 60_000; // “4 minutes ago” grows old where nothing happens
const FAILURES_TO_SAY = 2;

/** Watch the page of `root`, if it is one that changes. */
export function watchPage(root) {
  if (!marker(root)) return;
  let address = root.body.dataset.live;
  const status = statusLine(root);
  let version = marker(root).dataset.version;
  let etag = quoted(version);
  let read = Date.now();
  let asked = read;
  let wished = 0;
  let failures = 0;
  let line = null;
  let timer = 0;
  let kept = [];
  root.addEventListener("visibilitychange", () => plan(root.hidden ? pause() : 0));
  addEventListener("online", () => plan(0));
  // Whoever is done with what was kept sees at once what became of it.
  for (const kind of ["focusout", "toggle"]) {
    root.addEventListener(kind, () => kept.length && plan(300), true);
  }
  plan();

  function plan(delay = pause()) {
    clearTimeout(timer);
    if (address) timer = setTimeout(look, delay);
  }

  function pause() {
    const every = Math.max(EVERY_MS, wished) * 2 ** failures;
    const usual = root.hidden ? HIDDEN_MS : every;
    // Two hundred boards must not ask at one moment.
    return Math.min(usual, SLOWEST_MS) * (0.9 + Math.random() * 0.2);
  }

  async function look() {
    try {
      await ask();
      failures = 0;
      asked = Date.now();
      line?.remove();
      line = null;
    } catch (error) {
      if (!(error instanceof NotNow)) reportError(error);
      failures += 1;
      if (failures >= FAILURES_TO_SAY) line ??= sayOld(asked);
    }
    plan();
  }

  async function ask() {
    noteOwnReads();
    const response = await reach(`${address}?files=${shownFiles(root)}`, {
      headers: { "If-None-Match": etag },
      cache: "no-store",
      redirect: "manual",
    });
    wished = 1000 * (Number(response.headers.get("Retry-After")) || 0);
    if (response.type === "opaqueredirect") {
      address = "";
      saySignedOut();
    } else if (response.status === 304) {
      const isDone = kept.length && !kept.some((unit) => unit.isConnected && isBusy(unit));
      if (isDone || Date.now() - read > TOO_OLD_MS) await readAgain([]);
    } else if (response.ok) {
      const news = await response.json();
      const ids = Object.keys(news.parts).filter((id) => concerns(root, id, news.parts[id]));
      etag = response.headers.get("ETag");
      if (news.everything || news.files || ids.length) await readAgain(ids);
    } else {
      throw new NotNow();
    }
  }

  async function readAgain(changed) {
    const before = idsOn(root);
    const page = await readPage();
    if (!page) throw new NotNow();
    kept = renew(page);
    noteOwnReads();
    const after = idsOn(root);
    const count = changed.filter((id) => before.has(id) || after.has(id)).length;
    if (count) {
      const words = ngettext("%(count)s part changed", "%(count)s parts changed", count);
      status.textContent = interpolate(words, { count });
    }
  }

  /** The page was read anew, by this or by a step: then that version counts. */
  function noteOwnReads() {
    const now = marker(root).dataset.version;
    if (now === version) return;
    version = now;
    etag = quoted(now);
    read = Date.now();
  }
}

function quoted(version) {
  return `"${version}"`;
}

function idsOn(root) {
  return new Set([...root.querySelectorAll("#main [data-part]")].map(({ dataset }) => dataset.part));
}

/** Whether the page shows this part, or the place where it stands now. */
function concerns(root, id, stage) {
  const { stages = "" } = marker(root).dataset;
  return idsOn(root).has(id) || (stage !== "" && stages.split(" ").includes(stage));
}

function shownFiles(root) {
  const shown = new Map();
  for (const { dataset } of root.querySelectorAll("[data-converting]")) {
    shown.set(dataset.converting, dataset.was);
  }
  return [...shown].slice(0, 200).map((pair) => pair.join(":")).join(",");
}

function statusLine(root) {
  const line = root.createElement("p");
  line.className = "visually-hidden";
  line.role = "status";
  root.body.append(line);
  return line;
}

function sayOld(read) {
  const clock = { hour: "2-digit", minute: "2-digit" };
  const time = new Intl.DateTimeFormat(document.documentElement.lang, clock).format(read);
  const words = interpolate(gettext("Not up to date since %(time)s."), { time });
  return addMessage(words, "quiet");
}

function saySignedOut() {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = gettext("Sign in again");
  addMessage(gettext("You are signed out, so this page no longer changes."), "warn", link);
}
