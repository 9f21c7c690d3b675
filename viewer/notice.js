// What is said about the model: how far its download is, or what is wrong.

import { gettext, interpolate } from "../static/js/words.js";
import { html } from "./dom.js";

const MB = 1e6;

/** Create the line, hidden until it has something to say. */
export function createNotice() {
  const text = html("p", { class: "viewer__text" });
  // Not read out: it changes with every piece that arrives.
  const bytes = html("span", { class: "viewer__bytes", "aria-hidden": "true" });
  const label = gettext("Loading");
  const bar = html("progress", { class: "viewer__progress", "aria-label": label });
  const element = html("div", { class: "viewer__notice", role: "status" });
  element.hidden = true;
  return { element, progress, wait, fail, hide };

  function show(kind, words, ...after) {
    element.hidden = false;
    element.dataset.kind = kind;
    text.textContent = words;
    element.replaceChildren(text, ...after);
  }

  /** Show bytes: a full measure where the total is known, else only movement. */
  function progress(done, total) {
    if (element.dataset.kind !== "loading") {
      show("loading", gettext("Loading the 3D model"), bytes, bar);
    }
    bytes.textContent = total > MB ? share(done, total) : "";
    if (total) {
      bar.max = total;
      bar.value = Math.min(done, total);
    } else {
      bar.removeAttribute("value");
    }
  }

  function wait(words) {
    bar.removeAttribute("value");
    show("waiting", words, bar);
  }

  /** Show what failed, and the one thing to do about it. */
  function fail(words, ...remedies) {
    show("failed", words, ...remedies);
  }

  function hide() {
    element.hidden = true;
    delete element.dataset.kind;
  }
}

function share(done, total) {
  const values = { done: inMb(done), total: inMb(total) };
  return interpolate(gettext("%(done)s of %(total)s MB"), values);
}

function inMb(count) {
  return (count / MB).toFixed(1);
}
