// Two revisions of a part, one laid over the other or side by side.

import { Sphere, Vector2 } from "three";

import { gettext, interpolate } from "../static/js/words.js";
import { html } from "./dom.js";
import { ViewerError } from "./errors.js";
import { readGlb } from "./glb.js";
import { download } from "./load.js";
import { buildModel } from "./model.js";
import { Overlay } from "./overlay.js";
import { cssColor } from "./stage.js";

const ICON = ["M4 4h10v10h-10zM10 10h10v10h-10z", "M10 10h4v4h-4z"];
const OVERLAID = "overlaid";
const BESIDE = "beside";
const WIDE = 1.2; // of a picture that is cut into columns and not into rows

/** The tool; it shows itself where there are two revisions. */
export function addCompare(viewer) {
  const revisions = JSON.parse(viewer.root.dataset.revisions || "[]");
  if (revisions.length < 2) return;
  const comparison = new Comparison(viewer, revisions);
  const panel = viewer.addPanel({
    title: gettext("Compare revisions"),
    isAlone: true, // what others do, they do to one model
    onClose: () => {
      comparison.end();
      button.press(false);
    },
  });
  panel.body.append(comparison.element);
  const open = () => {
    panel.open();
    button.press(true);
  };
  const button = viewer.addButton({
    name: "compare",
    group: "parts",
    word: gettext("Compare"),
    label: gettext("Compare two revisions"),
    icon: ICON,
    key: "c",
    toggles: true,
    use: () => {
      if (panel.isOpen()) {
        panel.close();
      } else {
        open();
        comparison.begin();
      }
    },
  });
  viewer.keep("compare", {
    read: () => comparison.read(),
    write: (text) => {
      if (!text) panel.close();
      else if (comparison.choose(text)) {
        open();
        comparison.begin();
      }
    },
  });
  viewer.onModel(({ signal }) => {
    signal.addEventListener("abort", () => panel.close());
    // A link from the page: ?compare=1-2. A view behind the "#" is newer.
    const asked = new URLSearchParams(location.search).get("compare") ?? "";
    if (location.hash.startsWith("#view=") || !comparison.choose(asked)) return;
    open();
    comparison.begin();
  });
}

class Comparison {
  element = html("div", { class: "viewer-compare" });

  #viewer;
  #revisions;
  #loaded = new Map(); // revision -> Model that is on the stage
  #shown = null; // { older, newer, overlay, stop } while two are compared
  #isOn = false; // asked for, be it shown already or not
  #stop = null;
  #watch;
  #older;
  #newer;
  #manner;
  #slider = html("input", {
    class: "viewer__slider",
    type: "range",
    min: 0,
    max: 100,
    value: 50,
  });
  #status = html("p", { class: "viewer-compare__status", role: "status" });
  #legend = html("ul", { class: "viewer-compare__legend" });
  #inks = {};
  #blend;
  #names = html("div", { class: "viewer-compare__names", "aria-hidden": "true" });

  constructor(viewer, revisions) {
    this.#viewer = viewer;
    this.#revisions = revisions;
    this.#older = this.#select(gettext("Older"), revisions[1].revision);
    this.#newer = this.#select(gettext("Newer"), revisions[0].revision);
    this.#manner = mannerForm(() => this.#arrange());
    this.#blend = html(
      "div",
      { class: "viewer-compare__blend" },
      html("span", { "aria-hidden": "true" }),
      this.#slider,
      html("span", { "aria-hidden": "true" }),
    );
    this.#slider.setAttribute("aria-label", gettext("From older to newer"));
    this.#slider.addEventListener("input", () => this.#mix());
    for (const kind of ["older", "newer", "both"]) {
      const look = { class: "viewer-compare__swatch", "data-kind": kind };
      const swatch = html("span", look);
      const words = html("span");
      this.#inks[kind] = { swatch, words };
      this.#legend.append(html("li", {}, swatch, words));
    }
    const fields = [this.#older.field, this.#newer.field];
    this.element.append(
      html("div", { class: "viewer-compare__pair" }, ...fields),
      this.#manner.element,
      this.#blend,
      this.#legend,
      this.#status,
    );
  }

  /** What a link tells: "1-2", and how, if not overlaid half and half. */
  read() {
    if (!this.#isOn) return "";
    const pair = `${this.#older.select.value}-${this.#newer.select.value}`;
    if (this.#manner.value === BESIDE) return `${pair}.${BESIDE}`;
    return this.#slider.value === "50" ? pair : `${pair}.${this.#slider.value}`;
  }

  /** Choose what `read` told; returns whether there are such revisions. */
  choose(text) {
    const [, older, newer, how = "50"] = /^(\d+)-(\d+)(?:\.(\w+))?$/.exec(text) ?? [];
    const isThere = (number) =>
      this.#revisions.some(({ revision }) => revision === Number(number));
    if (!isThere(older) || !isThere(newer) || older === newer) return false;
    const [low, high] = [Number(older), Number(newer)].sort((a, b) => a - b);
    this.#older.select.value = low;
    this.#newer.select.value = high;
    this.#manner.value = how === BESIDE ? BESIDE : OVERLAID;
    this.#slider.value = how === BESIDE ? 50 : Number(how);
    return true;
  }

  /** Bring the chosen two onto the stage. */
  async begin() {
    const { run } = this.#viewer;
    this.#isOn = true;
    this.#leave();
    if (!run) return;
    const stop = (this.#stop = new AbortController());
    const signal = AbortSignal.any([run.signal, stop.signal]);
    const selects = [this.#older.select, this.#newer.select];
    const numbers = selects.map(({ value }) => Number(value)).sort((a, b) => a - b);
    selects.forEach((select, i) => (select.value = numbers[i]));
    if (numbers[0] === numbers[1]) {
      this.#say(gettext("Choose two different revisions."));
      return;
    }
    try {
      const models = [];
      for (const number of numbers) models.push(await this.#model(run, number, signal));
      if (!signal.aborted) this.#show(run, models, numbers);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ViewerError)) reportError(error);
      const known = error instanceof ViewerError;
      this.#say(known ? error.message : gettext("This revision could not be shown."));
    }
  }

  /** Show the part as it was before. */
  end() {
    this.#isOn = false;
    this.#leave();
    this.#say("");
    const { run } = this.#viewer;
    for (const model of this.#loaded.values()) run?.stage.dropModel(model);
    this.#loaded.clear();
    this.#viewer.changed();
  }

  #select(words, value) {
    const select = html("select", { class: "viewer__select" });
    for (const { revision, name } of this.#revisions) {
      const label = interpolate(gettext("Revision %(revision)s"), { revision });
      select.append(html("option", { value: revision, title: name }, label));
    }
    select.value = value;
    select.addEventListener("change", () => this.begin());
    const label = html("span", { class: "viewer__label" }, words);
    return { select, field: html("label", { class: "viewer__field" }, label, select) };
  }

  async #model(run, number, signal) {
    if (number === Number(this.#viewer.root.dataset.revision)) return run.model;
    if (this.#loaded.has(number)) return this.#loaded.get(number);
    const { src, bytes } = this.#revisions.find(({ revision }) => revision === number);
    this.#say(interpolate(gettext("Loading revision %(number)s"), { number }));
    const buffer = await download(src, {
      expectedBytes: bytes || 0,
      signal,
      onProgress: () => {},
      onWait: () => {},
    });
    signal.throwIfAborted();
    const model = buildModel(readGlb(buffer));
    model.root.visible = false;
    model.edges = run.model.edges;
    this.#loaded.set(number, model);
    run.stage.addModel(model);
    return model;
  }

  #show(run, [older, newer], numbers) {
    this.#say("");
    run.model.root.visible = [older, newer].includes(run.model);
    const overlay = new Overlay();
    this.#shown = { run, older, newer, overlay, numbers };
    const names = numbers.map((revision) =>
      interpolate(gettext("Revision %(revision)s"), { revision }),
    );
    const [first, last] = numbers.map((number) =>
      interpolate(gettext("Only in revision %(number)s"), { number }),
    );
    this.#inks.older.words.textContent = first;
    this.#inks.newer.words.textContent = last;
    this.#inks.both.words.textContent = gettext("In both");
    this.#blend.firstChild.textContent = numbers[0];
    this.#blend.lastChild.textContent = numbers[1];
    this.#names.replaceChildren(...names.map((name) => html("span", {}, name)));
    run.box.append(this.#names);
    run.rig.refresh(around(older, newer));
    this.#watch = new ResizeObserver(() => this.#divide());
    this.#watch.observe(run.box);
    this.#arrange();
  }

  /** Overlaid or beside each other, as chosen. */
  #arrange() {
    const { root } = this.#viewer;
    const isBeside = this.#manner.value === BESIDE;
    this.#blend.hidden = this.#legend.hidden = isBeside;
    if (!this.#shown) return;
    const { run, older, newer } = this.#shown;
    root.dataset.compare = this.#manner.value;
    // Grey as common parts are; beside each other both are as they were made.
    for (const model of [older, newer]) model.mark(() => (isBeside ? null : "plain"));
    run.stage.painter = isBeside ? this.#paintBeside() : this.#paintOver();
    this.#divide();
    this.#mix();
  }

  /** Cut the longer side of the picture in two, where two are to be seen. */
  #divide() {
    if (!this.#shown) return;
    const { run } = this.#shown;
    const isBeside = this.#manner.value === BESIDE;
    const isWide = run.box.clientWidth > WIDE * run.box.clientHeight;
    this.#viewer.root.dataset.panes = isWide ? "columns" : "rows";
    run.stage.divide(isBeside && isWide ? 2 : 1, isBeside && !isWide ? 2 : 1);
  }

  #mix() {
    if (!this.#shown) return;
    const { run, overlay } = this.#shown;
    overlay.share = this.#slider.value / 100;
    run.stage.invalidate();
    this.#viewer.changed();
  }

  #paintOver() {
    const { older, newer, overlay } = this.#shown;
    return (renderer, scene, camera) => {
      overlay.inks = [this.#inks.older, this.#inks.newer].map(({ swatch }) =>
        cssColor(swatch),
      );
      overlay.paint(renderer, scene, camera, { older, newer });
    };
  }

  #paintBeside() {
    const { older, newer } = this.#shown;
    return (renderer, scene, camera) => {
      const { x: width, y: height } = sizeOf(renderer);
      const isWide = this.#viewer.root.dataset.panes === "columns";
      const frame = isWide ? [width / 2, height] : [width, height / 2];
      const places = isWide ? [[0, 0], [width / 2, 0]] : [[0, height / 2], [0, 0]];
      renderer.setScissorTest(true);
      [older, newer].forEach((model, i) => {
        renderer.setViewport(...places[i], ...frame);
        renderer.setScissor(...places[i], ...frame);
        alone(model, [older, newer], () => renderer.render(scene, camera));
      });
      renderer.setScissorTest(false);
      renderer.setViewport(0, 0, width, height);
    };
  }

  /** Take the comparison off the stage; what was loaded stays at hand. */
  #leave() {
    this.#stop?.abort();
    this.#stop = null;
    if (!this.#shown) return;
    const { run, overlay } = this.#shown;
    this.#shown = null;
    this.#watch.disconnect();
    this.#names.remove();
    delete this.#viewer.root.dataset.compare;
    overlay.dispose();
    if (run.signal.aborted) return;
    run.stage.painter = null;
    run.model.root.visible = true;
    run.model.mark(() => null);
    for (const model of this.#loaded.values()) model.root.visible = false;
    run.rig.refresh(run.model);
    run.stage.divide(1, 1);
    run.stage.invalidate();
  }

  #say(words) {
    this.#status.textContent = words;
  }
}

/** Draw with one of the models in sight. */
function alone(model, models, draw) {
  for (const each of models) each.root.visible = each === model;
  draw();
}

/** What the rig has to know of a model, for two at once. */
function around(older, newer) {
  const sphere = new Sphere().copy(older.sphere).union(newer.sphere);
  const points = new Float32Array(older.points.length + newer.points.length);
  points.set(older.points);
  points.set(newer.points, older.points.length);
  return { sphere, points };
}

function mannerForm(onChange) {
  const inputs = [
    [OVERLAID, gettext("Overlaid")],
    [BESIDE, gettext("Side by side")],
  ].map(([value, words]) => {
    const input = html("input", { type: "radio", name: "viewer-manner", value });
    input.addEventListener("change", onChange);
    return { input, element: html("label", { class: "viewer__radio" }, input, words) };
  });
  const element = html(
    "fieldset",
    { class: "viewer__radios" },
    html("legend", { class: "visually-hidden" }, gettext("How to compare")),
    ...inputs.map((each) => each.element),
  );
  inputs[0].input.checked = true;
  return {
    element,
    get value() {
      return inputs.find(({ input }) => input.checked).input.value;
    },
    set value(value) {
      for (const { input } of inputs) input.checked = input.value === value;
    },
  };
}

/** Of the canvas, in CSS pixels. */
function sizeOf(renderer) {
  return renderer.getSize(new Vector2());
}
