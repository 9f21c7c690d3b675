// The tool that cuts the model along X, Y and Z.

import { Plane, Vector3 } from "three";

import { gettext, interpolate } from "../static/js/words.js";
import { Caps } from "./caps.js";
import { html } from "./dom.js";
import { createIcon } from "./icons.js";

const AXES = ["x", "y", "z"];
const STEPS = 400; // of a slider
const ICON = ["M4 8 12 4l8 4v8l-8 4-8-4zM12 4v16", "M12 4 4 8v8l8 4z"];

/** The section: its button, its panel, and the planes it keeps in the model. */
export function addSection(viewer) {
  const button = viewer.addButton({
    name: "section",
    group: "measure",
    word: gettext("Section"),
    label: gettext("Section"),
    icon: ICON,
    key: "s",
    toggles: true,
    use: () => (panel.isOpen() ? panel.close() : open()),
  });
  const panel = viewer.addPanel({
    title: gettext("Section"),
    // Pushed away, as on a phone to measure in the cut, it stays cut.
    onClose: (isPushed) => isPushed || cuts.forEach((cut) => cut.turn(false)),
  });
  const cuts = AXES.map((axis) => new Cut(axis, viewer, () => apply()));
  panel.body.append(
    html("div", { class: "section" }, ...cuts.map((cut) => cut.element)),
  );
  let caps = null;

  viewer.onModel(({ model, signal }) => {
    for (const cut of cuts) cut.measure(model.box);
    model.addEventListener("shift", () => {
      for (const cut of cuts) cut.limit(model.box);
      caps?.fit();
    });
    signal.addEventListener("abort", () => {
      caps?.dispose();
      caps = null;
    });
    apply();
  });
  viewer.onFrame(() => caps?.follow());
  viewer.units.addEventListener("change", () => cuts.forEach((cut) => cut.write()), {
    signal: viewer.signal,
  });

  // "x12.5_Z-3": planes that are on, in capitals where the higher half is kept.
  viewer.keep("section", {
    read: () =>
      cuts
        .filter((cut) => cut.isOn)
        .map((cut) => cut.told)
        .join("_"),
    write: (text) => {
      const told = text.split("_");
      for (const cut of cuts) cut.follow(told.find((words) => cut.isIn(words)));
    },
  });

  function open() {
    panel.open();
    if (!cuts.some((cut) => cut.isOn)) cuts[0].turn(true);
    cuts.find((cut) => cut.isOn).focus();
  }

  function apply() {
    const planes = cuts.filter((cut) => cut.isOn).map((cut) => cut.plane);
    button.press(planes.length > 0);
    const { run } = viewer;
    if (!run) return;
    const { model, shapes, stage } = run;
    model.planes.splice(0, Infinity, ...planes);
    if (planes.length && !caps) {
      caps = new Caps(model, shapes);
      stage.add(caps.root);
    }
    caps?.fit();
    stage.invalidate();
    viewer.changed();
  }
}

/** One plane, square to an axis, with what moves it. */
class Cut {
  element;
  isOn = false;
  plane = new Plane(new Vector3(), 0);

  #axis;
  #viewer;
  #onChange;
  #switch;
  #slider;
  #number;
  #unit;
  #low = 0;
  #high = 1;
  #at = 0.5; // mm
  #way = 1; // on which side of the plane the model stays

  constructor(axis, viewer, onChange) {
    this.#axis = axis;
    this.#viewer = viewer;
    this.#onChange = onChange;
    this.#build(axis.toUpperCase());
  }

  /** Cut or cut no more. */
  turn(isOn) {
    if (isOn === this.isOn) return;
    this.isOn = isOn;
    if (isOn) this.#face();
    this.#switch.setAttribute("aria-pressed", isOn);
    this.element.toggleAttribute("data-on", isOn);
    this.#place();
  }

  /** What a link tells of it. */
  get told() {
    const letter = this.#way > 0 ? this.#axis.toUpperCase() : this.#axis;
    return `${letter}${Number(this.#at.toFixed(2))}`;
  }

  isIn(told) {
    return told[0]?.toLowerCase() === this.#axis;
  }

  /** Cut as a link told, or no more. */
  follow(told) {
    const mm = Number(told?.slice(1));
    this.turn(Number.isFinite(mm));
    if (!this.isOn) return;
    this.#way = told[0] === this.#axis ? -1 : 1;
    this.#move(Math.max(this.#low, Math.min(this.#high, mm)));
  }

  focus() {
    this.#slider.focus({ preventScroll: true });
  }

  /** Take the limits of a model and lie in its middle. */
  measure(box) {
    this.#low = box.min[this.#axis];
    this.#high = box.max[this.#axis];
    this.#at = (this.#low + this.#high) / 2;
    this.#place();
    this.write();
  }

  /** Take other limits, and stay where it is as far as they let it. */
  limit(box) {
    this.#low = box.min[this.#axis];
    this.#high = box.max[this.#axis];
    const at = Math.max(this.#low, Math.min(this.#high, this.#at));
    if (at !== this.#at) {
      this.#at = at;
      this.#place();
    }
    this.write();
  }

  /** Write limits and place in the unit of the page. */
  write() {
    const { units } = this.#viewer;
    const written = (mm) => units.round(units.of(mm));
    Object.assign(this.#slider, {
      min: this.#low,
      max: this.#high,
      step: (this.#high - this.#low) / STEPS,
      value: this.#at,
    });
    this.#slider.setAttribute("aria-valuetext", units.length(this.#at));
    this.#number.min = written(this.#low);
    this.#number.max = written(this.#high);
    this.#number.value = written(this.#at);
    this.#unit.textContent = units.name;
  }

  #build(letter) {
    const axis = { axis: letter };
    const press = { class: "section__axis", type: "button", "aria-pressed": "false" };
    const label = interpolate(gettext("Cut across %(axis)s"), axis);
    this.#switch = html(
      "button",
      { ...press, "aria-label": label, title: label },
      letter,
    );
    this.#slider = html("input", {
      class: "section__slider",
      type: "range",
      "aria-label": interpolate(gettext("Where to cut %(axis)s"), axis),
    });
    this.#number = html("input", {
      class: "section__number",
      type: "number",
      step: "any",
      inputmode: "decimal",
      "aria-label": interpolate(gettext("%(axis)s of the cut"), axis),
    });
    this.#unit = html("span", { class: "section__unit" });
    const other = interpolate(gettext("Show the other side of %(axis)s"), axis);
    const flip = html(
      "button",
      { class: "section__flip", type: "button", "aria-label": other, title: other },
      createIcon("flip"),
    );
    this.#switch.addEventListener("click", () => this.turn(!this.isOn));
    this.#slider.addEventListener("input", () =>
      this.#move(this.#slider.valueAsNumber),
    );
    this.#number.addEventListener("change", () => this.#read());
    flip.addEventListener("click", () => {
      this.#way = -this.#way;
      this.#place();
    });
    this.element = html(
      "div",
      { class: "section__cut", role: "group", "aria-label": letter },
      this.#switch,
      this.#number,
      this.#unit,
      flip,
      this.#slider,
    );
  }

  #read() {
    const value = this.#number.valueAsNumber;
    const mm = Number.isFinite(value) ? this.#viewer.units.toMm(value) : this.#at;
    this.#move(Math.max(this.#low, Math.min(this.#high, mm)));
  }

  /** Whoever moves a plane wants to see it cut. */
  #move(mm) {
    this.#at = mm;
    this.write();
    if (this.isOn) this.#place();
    else this.turn(true);
  }

  /** Take away the half that is nearer to the eye. */
  #face() {
    const { run } = this.#viewer;
    if (!run) return;
    const back = new Vector3().setFromMatrixColumn(run.rig.camera.matrixWorld, 2);
    this.#way = back[this.#axis] > 0 ? -1 : 1;
  }

  #place() {
    this.plane.normal.set(0, 0, 0)[this.#axis] = this.#way;
    this.plane.constant = -this.#way * this.#at;
    this.#onChange();
  }
}
