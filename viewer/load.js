// Getting the model's bytes, with progress, patience and plain words.

import { gettext, interpolate } from "../static/js/words.js";
import { ViewerError } from "./errors.js";

const SILENCE_MS = 45_000; // the server itself may wait 20 s for a conversion
const PATIENCE_MS = 5 * 60_000; // longer than the longest conversion may run
const PAUSE_S = 5; // between tries, where the server names no time

/**
 * Fetch `url` and return its bytes as an ArrayBuffer.
 *
 * While the server is still converting (503) or wants fewer requests (429), wait
 * as long as it asks and try again, for five minutes at most.
 *
 * @param {string} url
 * @param {object} options
 * @param {number} options.expectedBytes size when unpacked, 0 if unknown
 * @param {AbortSignal} options.signal
 * @param {(done: number, total: number) => void} options.onProgress in bytes;
 *   `total` is 0 while nobody knows it
 * @param {(status: number) => void} options.onWait the server asked for a pause
 * @throws {ViewerError} with the sentence to show
 */
export async function download(url, { expectedBytes, signal, onProgress, onWait }) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const watch = new Watch(signal);
    try {
      const response = await request(url, watch.signal);
      const pause = pauseOf(response);
      if (pause === null || Date.now() + pause > deadline) {
        await refuse(response);
        return await read(response, expectedBytes, watch, onProgress);
      }
      await response.body?.cancel();
      onWait(response.status);
      await sleep(pause, signal);
    } catch (error) {
      throw signal.aborted || error instanceof ViewerError ? error : broken(error);
    } finally {
      watch.end();
    }
  }
}

/** Aborts with `signal`, and by itself when nothing happens for too long. */
class Watch {
  #controller = new AbortController();
  #timer;

  constructor(signal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.beat();
  }

  beat() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), SILENCE_MS);
  }

  end() {
    clearTimeout(this.#timer);
  }
}

function request(url, signal) {
  return fetch(url, {
    signal,
    credentials: "same-origin",
    headers: { Accept: "model/gltf-binary, application/json" },
  });
}

/** Milliseconds the server wants us to wait, or null if it does not. */
function pauseOf(response) {
  if (response.status !== 503 && response.status !== 429) return null;
  const text = response.headers.get("Retry-After") ?? "";
  const seconds = /^\d+$/.test(text)
    ? Number(text)
    : (Date.parse(text) - Date.now()) / 1000;
  return 1000 * Math.max(1, Number.isFinite(seconds) ? seconds : PAUSE_S);
}

/** Throw what an answer without a model means. */
async function refuse(response) {
  // An expired session may also end, with status 200, on the page for signing in.
  const page = response.headers.get("Content-Type")?.startsWith("text/html");
  const signedOut = response.ok && response.redirected && page;
  if (response.status === 401 || response.status === 403 || signedOut) {
    const words = gettext("You are signed out. Sign in again to see this part in 3D.");
    throw new ViewerError(words, { remedy: "sign-in" });
  }
  if (response.ok) return;
  if (response.status === 404 || response.status === 410) {
    throw new ViewerError(gettext("There is no 3D model of this part any more."));
  }
  if (response.status === 422) throw new ViewerError(await reasonOf(response));
  if (response.status === 503) {
    throw new ViewerError(gettext("The 3D model is still being made."), {
      remedy: "retry",
    });
  }
  if (response.status === 429) {
    throw new ViewerError(gettext("The server is busy."), { remedy: "retry" });
  }
  const words = gettext(
    "The 3D model could not be loaded (the server answered %(status)s).",
  );
  const { status } = response;
  throw new ViewerError(interpolate(words, { status }), { remedy: "retry" });
}

/** What the server says about a STEP file it could not convert. */
async function reasonOf(response) {
  const body = await response.json().catch(() => null);
  return typeof body?.details === "string" && body.details
    ? body.details
    : gettext("This STEP file could not be turned into a 3D model.");
}

async function read(response, expectedBytes, watch, onProgress) {
  const total = expectedBytes || lengthOf(response);
  const chunks = [];
  let done = 0;
  onProgress(0, total);
  for await (const chunk of pieces(response.body)) {
    watch.beat();
    chunks.push(chunk);
    done += chunk.length;
    onProgress(done, total);
  }
  return join(chunks, done);
}

/** Content-Length counts packed bytes, so it says nothing of a packed answer. */
function lengthOf(response) {
  if (response.headers.has("Content-Encoding")) return 0;
  return Number(response.headers.get("Content-Length")) || 0;
}

/** Safari cannot loop over a stream with `for await`; a reader works everywhere. */
async function* pieces(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

function join(chunks, length) {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole.buffer;
}

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}

function broken(cause) {
  const words = gettext("The 3D model could not be loaded: the connection broke.");
  return new ViewerError(words, { remedy: "retry", cause });
}
