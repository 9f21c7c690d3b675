// Sends files, two at a time, and says how far each is.

import { inWords } from "./bytes.js";
import { gettext, interpolate, ngettext } from "./words.js";

const AT_ONCE = 2;
// How far a new measure of the speed counts: enough to follow, too little to jump.
const NEWER = 0.25;
const waiting = [];
let running = 0;

/**
 * Send `body` to `address` when it is its turn.
 *
 * `onProgress({ share, line })` tells the share that is sent and says the rest in
 * words; `onEnd({ status, page, error })` how it ended: the answer as a document, or a
 * sentence on what went wrong. Returns a function that calls it off.
 */
export function send(address, body, { onProgress, onEnd }) {
  const request = new XMLHttpRequest();
  const job = { request, address, body, onProgress, onEnd };
  waiting.push(job);
  begin();
  return () => {
    const place = waiting.indexOf(job);
    if (place >= 0) waiting.splice(place, 1);
    else request.abort();
  };
}

function begin() {
  while (running < AT_ONCE && waiting.length) start(waiting.shift());
}

function start({ request, address, body, onProgress, onEnd }) {
  const speed = speedometer();
  running += 1;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    onProgress({ share: loaded / total, line: speed(loaded, total) });
  });
  request.addEventListener("load", () => onEnd(answerOf(request, address)));
  request.addEventListener("error", () => {
    onEnd({ error: gettext("The connection was lost. Try again.") });
  });
  request.addEventListener("loadend", () => {
    running -= 1;
    begin();
  });
  request.open("POST", address);
  request.send(body);
}

function answerOf({ status, responseText, responseURL }, address) {
  if (status === 201) {
    return { page: new DOMParser().parseFromString(responseText, "text/html") };
  }
  if (new URL(responseURL).pathname !== new URL(address, location.href).pathname) {
    return { error: gettext("You are signed out. Sign in in another tab, then try again.") };
  }
  try {
    return { error: JSON.parse(responseText).error };
  } catch {
    return { error: gettext("The server could not take the file. Try again.") };
  }
}

/** Return what says, of bytes sent, how many percent they are, how fast, and for how long. */
function speedometer() {
  let last = { at: performance.now(), loaded: 0 };
  let perSecond = null;
  return (loaded, total) => {
    const now = performance.now();
    const seconds = (now - last.at) / 1000;
    if (seconds > 0) {
      const measured = (loaded - last.loaded) / seconds;
      perSecond = perSecond === null ? measured : perSecond + NEWER * (measured - perSecond);
    }
    last = { at: now, loaded };
    if (loaded === total) return gettext("Sent. The server looks at it.");
    const told = [`${Math.floor((100 * loaded) / total)} %`];
    if (perSecond) {
      told.push(interpolate(gettext("%(size)s a second"), { size: inWords(perSecond) }));
      told.push(left((total - loaded) / perSecond));
    }
    // Broken between the three, not within one.
    return told.map((words) => words.replaceAll(" ", "\u00a0")).join(" · ");
  };
}

function left(seconds) {
  if (seconds < 90) {
    const count = Math.ceil(seconds);
    return interpolate(ngettext("%(count)s second left", "%(count)s seconds left", count), { count });
  }
  const count = Math.round(seconds / 60);
  return interpolate(ngettext("%(count)s minute left", "%(count)s minutes left", count), { count });
}
