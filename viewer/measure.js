// The tool that measures: press one thing for its size, two for what lies between.

import { gettext, interpolate } from "../static/js/words.js";
import { between } from "./between.js";
import { copyText } from "./copy.js";
import { html } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Highlight } from "./highlight.js";
import { createIcon } from "./icons.js";
import { projector } from "./project.js";
import { Snap } from "./snap.js";
import { cssColor } from "./stage.js";

const STILL = 6; // CSS pixels a press may wander and still be one
const ICON = ["M4 15 15 4l5 5L9 20zM7 12l2 2M10 9l3 3M13 6l2 2"];

/** Measuring: its button, panel, keys, and what is drawn over the picture. */
export function addMeasure(viewer) {
  const panel = viewer.addPanel({
    title: gettext("Measure"),
    onClose: (isPushed) => wake(false, isPushed),
  });
  const button = viewer.addButton({
    name: "measure",
    group: "measure",
    word: gettext("Measure"),
    label: gettext("Measure"),
    icon: ICON,
    key: "m",
    toggles: true,
    use: () => use(!panel.isOpen()),
  });
  const list = createList(viewer.units);
  panel.body.append(list.element);
  let measuring = null;

  viewer.onModel((run) => {
    measuring = null;
    list.clear();
    // What was measured is elsewhere now.
    run.model.addEventListener("shift", () => list.clear());
    run.signal.addEventListener("abort", () => {
      measuring?.end();
      measuring = null;
    });
    if (panel.isOpen()) wake(true);
  });
  viewer.onFrame(() => measuring?.draw());

  function use(isOn) {
    if (isOn) {
      panel.open();
      wake(true);
    } else {
      panel.close();
    }
  }

  /** Measure with what is pressed; else only show what was measured, or not even. */
  function wake(isOn, isShown = isOn) {
    button.press(isOn);
    const { run } = viewer;
    if (!run) return;
    if (isOn) measuring ??= new Measuring(run, viewer.units, list);
    measuring?.wake(isOn, isShown);
  }
}

/** Measuring one model. */
class Measuring {
  #run;
  #units;
  #list;
  #snap;
  #project;
  #drawing;
  #highlight;
  #ends = new AbortController();
  #isOn = false;
  #chosen = []; // features, two at most
  #hover = null; // { feature, x, y }, without x and y if the keyboard brought it
  #press = null; // where a pointer went down
  #waits = 0; // frame of the pointer's next look

  constructor(run, units, list) {
    this.#run = run;
    this.#units = units;
    this.#list = list;
    this.#snap = new Snap(run);
    this.#highlight = new Highlight(run.model);
    this.#project = projector(run);
    this.#drawing = new Drawing(this.#project);
    run.box.append(this.#drawing.element);
    this.#listen();
    this.#run.shapes.prepare(this.#ends.signal);
  }

  /** Listen to hands or not, and show what was measured or not. */
  wake(isOn, isShown) {
    this.#isOn = isOn;
    this.#drawing.element.toggleAttribute("hidden", !isShown);
    this.#run.canvas.toggleAttribute("data-measuring", isOn);
    this.#hover = null;
    if (!isOn) this.#chosen = [];
    this.#say();
    this.#show();
  }

  draw() {
    this.#drawing.draw(this.#marks(), this.#run.model.sphere.center);
  }

  end() {
    cancelAnimationFrame(this.#waits);
    this.#ends.abort();
    this.#highlight.dispose();
    this.#drawing.element.remove();
    this.#run.canvas.removeAttribute("data-measuring");
  }

  #listen() {
    const { box, canvas } = this.#run;
    const { signal } = this.#ends;
    const listen = (type, handler) => {
      const guarded = (event) => this.#isOn && handler(event);
      canvas.addEventListener(type, guarded, { signal });
    };
    listen("pointermove", (event) => this.#look(event));
    listen("pointerleave", () => this.#forget());
    listen("pointerdown", (event) => this.#begin(event));
    listen("pointerup", (event) => this.#finish(event));
    listen("keydown", (event) => this.#type(event));
    // Two quick presses are two measures, and not the wish to see the whole part.
    const keep = (event) => {
      if (this.#isOn && event.target === canvas) event.stopPropagation();
    };
    box.addEventListener("dblclick", keep, { capture: true, signal });
    this.#units.addEventListener("change", () => this.#show(), { signal });
    this.#list.addEventListener("change", () => this.#show(), { signal });
  }

  #look({ pointerType, buttons, offsetX, offsetY }) {
    if (pointerType === "touch" || buttons) return;
    cancelAnimationFrame(this.#waits);
    this.#waits = requestAnimationFrame(() => {
      const feature = this.#snap.pick(offsetX, offsetY);
      this.#hover = feature && { feature, x: offsetX, y: offsetY };
      this.#show();
    });
  }

  #forget() {
    cancelAnimationFrame(this.#waits);
    if (!this.#hover) return;
    this.#hover = null;
    this.#show();
  }

  #begin({ isPrimary, button, offsetX, offsetY }) {
    const isOne = isPrimary && button === 0;
    this.#press = isOne ? { x: offsetX, y: offsetY } : null;
  }

  #finish({ pointerType, offsetX, offsetY }) {
    const press = this.#press;
    this.#press = null;
    if (!press || Math.hypot(offsetX - press.x, offsetY - press.y) > STILL) return;
    const isFinger = pointerType !== "mouse";
    this.#choose(this.#snap.pick(offsetX, offsetY, isFinger));
  }

  #type(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { key } = event;
    if (key.toLowerCase() === "n") this.#step(event.shiftKey ? -1 : 1);
    else if ((key === "Enter" || key === " ") && this.#hover)
      this.#choose(this.#hover.feature);
    else if (key === "Escape" && this.#chosen.length) this.#choose(null);
    else if (key === "Delete" || key === "Backspace") this.#list.removeLast();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Go on to the next thing in sight. */
  #step(way) {
    const stops = this.#snap.stops();
    if (!stops.length) return;
    const key = this.#hover?.feature.key;
    const at = stops.findIndex((stop) => stop.key === key);
    const next = at < 0 && way < 0 ? stops.length - 1 : at + way;
    this.#hover = { feature: stops[(next + stops.length) % stops.length] };
    this.#list.say(this.#words(this.#hover.feature));
    this.#show();
  }

  /** Take a feature; none, or the same again, lets go of what was chosen. */
  #choose(feature) {
    const [first] = this.#chosen;
    if (!feature) {
      this.#chosen = [];
    } else if (this.#chosen.length === 1 && first.key !== feature.key) {
      this.#chosen = [first, feature];
      this.#list.removeIf((entry) => entry.isLone && entry.features[0] === first);
      this.#list.add({ features: this.#chosen, ...between(first, feature) });
    } else if (this.#chosen.length === 1) {
      this.#chosen = [];
    } else {
      this.#chosen = [feature];
      if (feature.size && !this.#list.has(feature)) {
        const { name, size, details, isAbout } = feature;
        this.#list.add({
          features: [feature],
          isLone: true,
          name,
          size,
          details,
          isAbout,
        });
      }
    }
    this.#say();
    this.#show();
  }

  #say() {
    const [first, second] = this.#chosen;
    if (!this.#isOn) return;
    if (second) this.#list.say(this.#list.words(this.#list.last));
    else if (first) {
      const words = gettext(
        "%(what)s. Press a second thing to measure what lies between.",
      );
      this.#list.say(interpolate(words, { what: this.#words(first) }));
    } else {
      this.#list.say(gettext("Press a hole, an edge, a corner or a face."));
    }
  }

  #show() {
    const features = [...this.#chosen];
    if (this.#hover) features.push(this.#hover.feature);
    this.#highlight.ink(cssColor(this.#drawing.element));
    this.#highlight.show(features, this.#run.shapes);
    this.#run.stage.invalidate();
  }

  #marks() {
    const marks = [];
    if (this.#hover) marks.push(...this.#outline(this.#hover.feature, "hover"));
    for (const feature of this.#chosen) marks.push(...this.#outline(feature, "chosen"));
    for (const entry of this.#list.entries) marks.push(...this.#dimension(entry));
    if (this.#hover) marks.push(this.#tip(this.#hover));
    return marks;
  }

  #tip({ feature, x, y }) {
    const [u, v] = x === undefined ? this.#project(feature.at) : [x, y];
    return { kind: "tip", look: "hover", x: u, y: v, text: this.#words(feature) };
  }

  #outline({ kind, curve, mesh, p }, look) {
    if (kind === "point") return [{ kind: "point", at: p, look }];
    if (!curve) return [];
    return [{ kind: "line", points: this.#snap.pointsOf(mesh, curve), look }];
  }

  #dimension({ features, size, line, isAngle, isAbout }) {
    const look = features.every((each, i) => each === this.#chosen[i])
      ? "chosen"
      : "plain";
    const text = this.#list.value({ ...size, isAbout });
    if (!line) {
      const [feature] = features;
      if (feature.kind === "line") {
        return [
          { kind: "distance", from: feature.ends[0], to: feature.ends[1], text, look },
        ];
      }
      const isRing = feature.isFull || (feature.kind === "circle" && size.sign === "⌀");
      const circle = isRing ? feature : null;
      return [{ kind: "leader", at: feature.at, text, circle, look }];
    }
    const [from, to] = line;
    const centers = features
      .filter(({ kind }) => kind === "cylinder" || kind === "circle")
      .map(({ p }) => ({ kind: "center", at: p, look }));
    const kind = isAngle ? "angle" : "distance";
    return [...centers, { kind, from, to, text, look }];
  }

  #words({ name, size, isAbout }) {
    return size ? `${name} ${this.#list.value({ ...size, isAbout })}` : name;
  }
}

/** What has been measured, in the panel; a `change` event follows each removal. */
function createList(units) {
  const events = new EventTarget();
  const hint = html("p", { class: "measure__hint", role: "status", tabindex: -1 });
  const rows = html("ol", { class: "measure__list" });
  const clearing = html(
    "button",
    { class: "measure__clear", type: "button" },
    gettext("Remove all"),
  );
  const keys = html(
    "p",
    { class: "measure__keys" },
    gettext("From the keyboard: N goes on to the next thing in sight, Enter takes it."),
  );
  const element = html("div", { class: "measure" }, hint, keys, rows, clearing);
  clearing.hidden = true;
  clearing.addEventListener("click", () => {
    change([]);
    hint.focus();
  });
  units.addEventListener("change", () => fill());
  let entries = [];
  const list = {
    element,
    get entries() {
      return entries;
    },
    get last() {
      return entries.at(-1);
    },
    addEventListener: events.addEventListener.bind(events),
    add: (entry) => change([...entries, entry]),
    clear: () => change([]),
    has: (feature) =>
      entries.some(({ isLone, features }) => isLone && features[0].key === feature.key),
    removeIf: (test) => change(entries.filter((entry) => !test(entry))),
    removeLast: () => change(entries.slice(0, -1)),
    say: (words) => (hint.textContent = words),
    value,
    words,
  };
  return list;

  function change(next) {
    entries = next;
    fill();
    events.dispatchEvent(new Event("change"));
  }

  function fill() {
    clearing.hidden = !entries.length;
    keys.hidden = entries.length > 0;
    rows.replaceChildren(...entries.map(row));
  }

  function value({ sign, mm, degrees, isAbout }) {
    const text = mm === undefined ? units.angle(degrees) : units.length(mm);
    const signed = sign ? `${sign} ${text}` : text;
    return isAbout ? interpolate(gettext("about %(size)s"), { size: signed }) : signed;
  }

  function words({ name, size, isAbout, ...more }) {
    const first = `${name} ${value({ ...size, isAbout })}`;
    return [first, ...asides(more)].join("; ");
  }

  function asides({ details, features }) {
    const sides = features.length > 1 ? features.filter(({ size }) => size) : [];
    const parts = [...details, ...sides.map(({ name, size }) => ({ name, ...size }))];
    return parts.map((part) => `${part.name} ${value(part)}`);
  }

  function row(entry) {
    const text = words(entry);
    const name = html("span", { class: "measure__name" }, entry.name);
    const { size, isAbout } = entry;
    const figure = html(
      "strong",
      { class: "measure__size" },
      value({ ...size, isAbout }),
    );
    const details = html("span", { class: "measure__details" });
    details.append(...asides(entry).map((aside) => html("span", {}, aside)));
    const copying = iconButton(
      "copy",
      interpolate(gettext("Copy %(what)s"), { what: text }),
    );
    copying.addEventListener("click", async () => {
      const isDone = await copyText(text);
      const failed = gettext("The browser lets nothing be copied here.");
      list.say(isDone ? gettext("Copied.") : failed);
    });
    const removing = iconButton(
      "close",
      interpolate(gettext("Remove %(what)s"), { what: text }),
    );
    removing.addEventListener("click", () => remove(entry));
    return html(
      "li",
      { class: "measure__row" },
      html("div", { class: "measure__text" }, name, figure, details),
      copying,
      removing,
    );
  }

  /** The focus goes to the next row's button, or to what stands where it was. */
  function remove(entry) {
    const at = entries.indexOf(entry);
    change(entries.filter((each) => each !== entry));
    const next = rows.children[Math.min(at, entries.length - 1)];
    (next?.lastElementChild ?? hint).focus();
  }
}

function iconButton(icon, label) {
  const attributes = { class: "viewer__close", type: "button", "aria-label": label };
  return html("button", { ...attributes, title: label }, createIcon(icon));
}
