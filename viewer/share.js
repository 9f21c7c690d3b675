// The view as a link, and as a picture.
//
// The address of the page keeps the view behind its "#": the angles and what else
// is not as at first. `#view=-49,59.9&hide=2.5-8@1&explode=40`; a camera that was
// moved has its target (mm) and the shorter side of the frame (mm) behind the
// angles (degrees). Other anchors of the page are left alone until somebody turns
// the model.

import { gettext } from "../static/js/words.js";
import { copyText } from "./copy.js";
import { html } from "./dom.js";
import { VIEWS } from "./rig.js";

const RESTS_MS = 300; // without a move the camera rests
const SAID_MS = 2500;
const DEGREE = Math.PI / 180;
const PICTURE_SCALE = 2;
const ICON = [
  "M8.6 10.7l6.8-3.9M8.6 13.3l6.8 3.9" +
    "M3 12a3 3 0 1 0 6 0a3 3 0 1 0-6 0zM15 5.5a3 3 0 1 0 6 0a3 3 0 1 0-6 0z" +
    "M15 18.5a3 3 0 1 0 6 0a3 3 0 1 0-6 0z",
];

/** The tool: it keeps the address, copies it, and hands out the picture. */
export function addShare(viewer) {
  // Of several viewers on a page the first one has the address.
  const isFirst = document.querySelector("[data-viewer]") === viewer.root;
  const link = new Link(viewer);
  if (isFirst) link.keep();
  const panel = viewer.addPanel({
    title: gettext("Share"),
    onClose: () => button.press(false),
  });
  const linkPart = isFirst ? [linkField(link, viewer)] : [];
  panel.body.append(...linkPart, pictureForm(viewer));
  const button = viewer.addButton({
    name: "share",
    group: "picture",
    word: gettext("Share"),
    label: gettext("Share this view"),
    icon: ICON,
    toggles: true,
    use: () => {
      if (panel.isOpen()) panel.close();
      else panel.open();
      button.press(panel.isOpen());
    },
  });
}

/** The address of the page, as far as it tells of the view. */
class Link {
  #viewer;
  #timer = 0;

  constructor(viewer) {
    this.#viewer = viewer;
  }

  get address() {
    const url = new URL(location.href);
    const words = this.#write();
    if (words) url.hash = words;
    else if (isOurs(url.hash)) url.hash = "";
    return url.href;
  }

  /** Follow the view, and lead it. */
  keep() {
    const viewer = this.#viewer;
    const { root, signal } = viewer;
    viewer.onModel(() => this.#read());
    viewer.onFrame(() => this.#wait());
    root.addEventListener("viewer:changed", () => this.#wait(), { signal });
    addEventListener("hashchange", () => viewer.run && this.#read(), { signal });
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  #wait() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#viewer.run) return;
      const { address } = this;
      if (address !== location.href) history.replaceState(history.state, "", address);
      this.#viewer.root.dispatchEvent(new Event("viewer:rest"));
    }, RESTS_MS);
  }

  #write() {
    const { run, states } = this.#viewer;
    const told = [];
    for (const [name, state] of states) {
      const text = state.read();
      if (text) told.push(`${name}=${text}`);
    }
    const view = viewOf(run.rig.place);
    // Whoever came for a comparison and closed it does not want it again.
    const isAsked = new URLSearchParams(location.search).has("compare");
    if (!told.length && view === HOME && !isAsked) return "";
    return [`view=${view}`, ...told].join("&");
  }

  #read() {
    const { run, states } = this.#viewer;
    if (!isOurs(location.hash)) return;
    const told = new URLSearchParams(location.hash.slice(1));
    for (const [name, state] of states) {
      if ((told.get(name) ?? "") !== state.read()) state.write(told.get(name) ?? "");
    }
    const place = placeOf(told.get("view"));
    if (place) run.rig.go(place);
  }
}

const HOME = viewOf({ azimuth: VIEWS.isometric[0], polar: VIEWS.isometric[1] });

function isOurs(hash) {
  return hash.startsWith("#view=");
}

function viewOf({ azimuth, polar, target, span }) {
  const turn = azimuth / DEGREE;
  const numbers = [turn - 360 * Math.round(turn / 360), polar / DEGREE];
  if (target) numbers.push(...target, span);
  return numbers.map((number) => Number(number.toFixed(2))).join();
}

function placeOf(text) {
  const numbers = text.split(",").map(Number);
  if (!numbers.every(Number.isFinite)) return null;
  if (numbers.length !== 2 && numbers.length !== 6) return null;
  const [azimuth, polar, x, y, z, span] = numbers;
  const angles = { azimuth: azimuth * DEGREE, polar: polar * DEGREE };
  if (numbers.length === 2) return angles;
  return span > 0 ? { ...angles, target: [x, y, z], span } : null;
}

function linkField(link, { root, signal }) {
  const field = html("input", { class: "viewer__link", type: "text", readonly: "" });
  const fill = () => (field.value = link.address);
  root.addEventListener("viewer:rest", fill, { signal });
  field.addEventListener("focus", () => field.select());
  const copy = html(
    "button",
    { class: "viewer__choice", type: "button" },
    gettext("Copy link"),
  );
  const status = html("p", { class: "viewer__said", role: "status" });
  copy.addEventListener("click", async () => {
    fill();
    const isDone = await copyText(link.address);
    status.textContent = isDone ? gettext("Copied.") : gettext("Press Ctrl+C.");
    setTimeout(() => (status.textContent = ""), SAID_MS);
  });
  const words = gettext("Link to this view");
  return html(
    "div",
    { class: "viewer__part" },
    html("label", { class: "viewer__field" }, label(words), field),
    html("div", { class: "viewer__choices" }, copy),
    status,
  );
}

function pictureForm(viewer) {
  const paper = radio(gettext("On paper"), "paper");
  const clear = radio(gettext("Without ground"), "clear");
  paper.input.checked = true;
  const save = html(
    "button",
    { class: "viewer__choice", type: "button" },
    gettext("Save picture"),
  );
  save.addEventListener("click", () => {
    savePicture(viewer, { hasGround: paper.input.checked });
  });
  return html(
    "fieldset",
    { class: "viewer__part" },
    html("legend", { class: "viewer__label" }, gettext("Picture (PNG)")),
    html("div", { class: "viewer__radios" }, paper.element, clear.element),
    html("div", { class: "viewer__choices" }, save),
  );
}

function radio(words, value) {
  const input = html("input", { type: "radio", name: "viewer-ground", value });
  const element = html("label", { class: "viewer__radio" }, input, words);
  return { input, element };
}

function label(words) {
  return html("span", { class: "viewer__label" }, words);
}

async function savePicture({ root, run }, { hasGround }) {
  const picture = run.stage.takePicture(PICTURE_SCALE);
  if (hasGround) {
    const brush = picture.getContext("2d");
    brush.globalCompositeOperation = "destination-over";
    brush.fillStyle = getComputedStyle(root).backgroundColor;
    brush.fillRect(0, 0, picture.width, picture.height);
  }
  const blob = await new Promise((resolve) => picture.toBlob(resolve));
  const href = URL.createObjectURL(blob);
  html("a", { href, download: nameOf(root.dataset) }).click();
  // The browser reads it after the click; a minute is enough for any disk.
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** Name the file after code and part: "26-301 Bearing plate.png". */
function nameOf({ code = "", name = "" }) {
  const words = `${code} ${name}`.replace(/[\p{C}/\\:*?"<>|]+/gu, " ").trim();
  return `${words || "part"}.png`;
}
