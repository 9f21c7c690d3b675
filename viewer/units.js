// Millimetres or inches: which of them the reader wants, and how values are written.

import { gettext, interpolate } from "../static/js/words.js";

const MM_PER_INCH = 25.4;
const STORE = "viewer-units";
const NAMES = ["mm", "in"];
const ICON = ["M3 8h18v8H3zM7 8v3M11 8v4M15 8v3M19 8v3"];
const DIGITS = { mm: 3, in: 4 };

/** What the model is measured in; a `change` event follows each switch. */
export class Units extends EventTarget {
  #name;
  #numbers = new Map();

  /** @param {HTMLElement} root whose page says in `data-units` what the reader prefers */
  constructor(root) {
    super();
    const wish = stored() ?? root.closest("[data-units]")?.dataset.units;
    this.#name = NAMES.includes(wish) ? wish : "mm";
  }

  get name() {
    return this.#name;
  }

  set name(name) {
    if (name === this.#name) return;
    this.#name = name;
    store(name);
    this.dispatchEvent(new Event("change"));
  }

  /** Write a length given in millimetres, with its unit. */
  length(mm) {
    return `${this.number(mm)} ${this.#name}`;
  }

  /** Write a length given in millimetres, without its unit. */
  number(mm) {
    return this.#format(this.of(mm), DIGITS[this.#name]);
  }

  /** Write an angle given in degrees. */
  angle(degrees) {
    return `${this.#format(degrees, 2)}°`;
  }

  /** Turn millimetres into the unit shown. */
  of(mm) {
    return this.#name === "in" ? mm / MM_PER_INCH : mm;
  }

  /** Round a value in the unit shown as it is written. */
  round(value) {
    return Number(value.toFixed(DIGITS[this.#name]));
  }

  /** Turn the unit shown into millimetres. */
  toMm(value) {
    return this.#name === "in" ? value * MM_PER_INCH : value;
  }

  #format(value, digits) {
    if (!this.#numbers.has(digits)) {
      const language = document.documentElement.lang || "en";
      const options = { maximumFractionDigits: digits, useGrouping: false };
      this.#numbers.set(digits, new Intl.NumberFormat(language, options));
    }
    const rounded = Number(value.toFixed(digits)) || 0; // and no minus before zero
    return this.#numbers.get(digits).format(rounded);
  }
}

/** The button that switches; its word is the unit in use. */
export function addUnits(viewer) {
  const { units, signal } = viewer;
  const { element } = viewer.addButton({
    name: "units",
    group: "measure",
    word: units.name,
    label: gettext("Millimetres or inches"),
    icon: ICON,
    key: "u",
    use: () => (units.name = units.name === "mm" ? "in" : "mm"),
  });
  const say = () => {
    element.lastElementChild.textContent = units.name;
    const label = gettext("%(units)s: millimetres or inches");
    element.setAttribute("aria-label", interpolate(label, { units: units.name }));
  };
  say();
  units.addEventListener("change", say, { signal });
}

/** A browser may refuse its store; then the choice lasts as long as the page. */
function stored() {
  try {
    return localStorage.getItem(STORE);
  } catch {
    return null;
  }
}

function store(name) {
  try {
    localStorage.setItem(STORE, name);
  } catch {
    // As said above.
  }
}
