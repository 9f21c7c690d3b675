// The parts of an assembly: how many there are of each, and which are shown.
//
// Rows are products and assemblies; equal pieces of one assembly share a row that
// opens. What is marked in the list is marked in the picture, and the other way.

import { gettext, interpolate, ngettext } from "../static/js/words.js";
import { html } from "./dom.js";
import { planExplosion, unwrap } from "./explode.js";
import { createIcon } from "./icons.js";
import { onPick } from "./pick.js";

const EYE = "M3 12c5-8 13-8 18 0c-5 8-13 8-18 0z";
const ICONS = {
  tree: ["M4 5h7M7 5v14.5h5M7 12h5M14.5 9h6v6h-6zM14.5 16.5h6v6h-6z"],
  shown: [EYE, "M9.5 12a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0z"],
  hidden: [`${EYE}M4 4l16 16`],
  branch: ["M9.5 6.5 15 12l-5.5 5.5"],
};

/** The tool; it shows itself for assemblies alone. */
export function addTree(viewer) {
  const tree = new Tree(viewer);
  const panel = viewer.addPanel({
    title: gettext("Parts"),
    onClose: () => {
      button.press(false);
      tree.let();
    },
  });
  panel.body.append(tree.element);
  const button = viewer.addButton({
    name: "tree",
    group: "parts",
    word: gettext("Parts"),
    label: gettext("Parts of the assembly"),
    icon: ICONS.tree,
    key: "p",
    toggles: true,
    use: () => {
      if (button.element.hidden) return;
      if (panel.isOpen()) panel.close();
      else panel.open();
      button.press(panel.isOpen());
    },
  });
  button.element.hidden = true;
  viewer.onModel((run) => {
    const isAssembly = run.model.bodies.length > 1;
    button.element.hidden = !isAssembly;
    if (!isAssembly) panel.close();
    tree.show(run);
    onPick(run, {
      isOn: () =>
        isAssembly && panel.isOpen() && !run.canvas.hasAttribute("data-measuring"),
      over: (body) => tree.point(body),
      take: (body) => tree.take(body),
    });
  });
  viewer.keep("hide", tree.hidden);
  viewer.keep("explode", tree.explosion);
}

class Tree {
  element = html("div", { class: "viewer-tree" });

  #viewer;
  #run = null;
  #rows = []; // in the order of the list, those folded away too
  #rowOf = new Map(); // body, or element of the list -> its row, the innermost one
  #hidden = new Set();
  #selected = null;
  #pointed = null;
  #plan = null;

  #summary = html("p", { class: "viewer-tree__summary" });
  #list = html("ul", {
    class: "viewer-tree__list",
    role: "tree",
    "aria-label": gettext("Parts"),
  });
  #buttons = {
    isolate: button(gettext("Isolate"), gettext("Show only what is selected (I)")),
    hide: button(gettext("Hide"), gettext("Hide what is selected (H)")),
    all: button(gettext("Show all"), gettext("Show every part (A)")),
  };
  #slider = html("input", {
    class: "viewer__slider",
    type: "range",
    min: 0,
    max: 100,
    value: 0,
  });

  constructor(viewer) {
    this.#viewer = viewer;
    const { isolate, hide, all } = this.#buttons;
    const words = html("span", { class: "viewer__label" }, gettext("Take apart"));
    this.element.append(
      this.#summary,
      html("div", { class: "viewer__choices" }, isolate, hide, all),
      html("label", { class: "viewer__field" }, words, this.#slider),
      this.#list,
    );
    isolate.addEventListener("click", () => this.#isolate(this.#selected));
    hide.addEventListener("click", () => this.#toggle(this.#selected));
    all.addEventListener("click", () => this.#hide([]));
    this.#slider.addEventListener("input", () => this.#explode());
    this.#watchList();
  }

  /** Which bodies are hidden, as numbers and spans of them in a revision: "2.5-8@1". */
  hidden = {
    read: () => {
      const spans = spansOf([...this.#hidden].map(({ index }) => index));
      return spans && `${spans}@${this.#revision}`;
    },
    write: (text) => {
      // In another revision they are other bodies.
      const [spans, revision] = text.split("@");
      const hidden = new Set(revision === this.#revision ? numbersOf(spans) : []);
      this.#hide(this.#run.model.bodies.filter(({ index }) => hidden.has(index)));
    },
  };

  /** How far it is taken apart, in percent. */
  explosion = {
    read: () => (this.#slider.value === "0" ? "" : this.#slider.value),
    write: (text) => {
      this.#slider.value = Number(text) || 0;
      this.#explode();
    },
  };

  get #revision() {
    return this.#viewer.root.dataset.revision ?? "";
  }

  show(run) {
    this.#run = run;
    this.#hidden.clear();
    this.#selected = this.#pointed = this.#plan = null;
    this.#slider.value = 0;
    this.#rows = [];
    this.#rowOf.clear();
    const { tree, bodies } = run.model;
    const top = tree.length === 1 ? unwrap(tree[0]) : { body: null, children: tree };
    const nodes = top.body ? [top] : top.children;
    const rows = this.#build(rowsOf(nodes), null);
    this.#list.replaceChildren(...rows.map(({ element }) => element));
    const kinds = new Set(bodies.map(({ product }) => product)).size;
    const parts = ngettext("%(count)s part", "%(count)s different parts", kinds);
    const pieces = ngettext("%(count)s piece", "%(count)s pieces", bodies.length);
    this.#summary.textContent = [
      interpolate(parts, { count: kinds }),
      interpolate(pieces, { count: bodies.length }),
    ].join(" · ");
    this.#refresh();
    this.#rove(this.#rows[0]);
  }

  /** Somebody points at a body in the picture, or at none. */
  point(body) {
    const row = body ? this.#visibleRow(body) : null;
    if (row === this.#pointed) return;
    this.#pointed = row;
    this.#mark();
  }

  /** Somebody takes a body in the picture, or nothing. */
  take(body) {
    const row = body ? this.#visibleRow(body) : null;
    this.#select(row === this.#selected ? null : row);
    if (row) reveal(row);
  }

  /** Let go of what is marked. */
  let() {
    this.#pointed = null;
    if (this.#run) this.#select(null);
  }

  #build(datas, parent) {
    return datas.map((data) => {
      const row = { ...data, parent, isOpen: false };
      this.#rows.push(row);
      row.element = this.#draw(row);
      row.rows = this.#build(data.rows, row);
      if (row.rows.length) {
        const group = html("ul", { class: "viewer-tree__group", role: "group" });
        group.append(...row.rows.map(({ element }) => element));
        row.element.append(group);
      }
      this.#rowOf.set(row.element, row);
      for (const body of row.bodies) {
        if (!this.#rowOf.has(body)) this.#rowOf.set(body, row);
      }
      return row;
    });
  }

  #draw(row) {
    const { name, bodies, rows } = row;
    const line = html("div", { class: "viewer-tree__line" });
    const twist = html("span", { class: "viewer-tree__twist", "aria-hidden": "true" });
    if (rows.length) twist.append(createIcon(ICONS.branch));
    const label = html("span", { class: "viewer-tree__name" }, name);
    line.append(twist, label);
    if (bodies.length > 1) {
      const count = html("span", { class: "viewer-tree__count" }, `×${bodies.length}`);
      line.append(count);
    }
    row.eye = html("button", {
      class: "viewer-tree__eye",
      type: "button",
      tabindex: -1, // Space does the same, and a list is one stop
    });
    line.append(row.eye);
    const values = { name, count: bodies.length };
    const count = interpolate(gettext("%(name)s, %(count)s pieces"), values);
    return html(
      "li",
      {
        class: "viewer-tree__row",
        role: "treeitem",
        tabindex: -1,
        "aria-label": bodies.length > 1 ? count : name,
        "aria-selected": "false",
        "aria-expanded": rows.length ? "false" : null,
      },
      line,
    );
  }

  #watchList() {
    const rowAt = ({ target }) =>
      this.#rowOf.get(target.closest("[role=treeitem]")) ?? null;
    this.#list.addEventListener("click", (event) => {
      const row = rowAt(event);
      if (!row) return;
      if (event.target.closest(".viewer-tree__eye")) this.#toggle(row);
      else if (event.target.closest(".viewer-tree__twist") && row.rows.length) {
        this.#open(row, !row.isOpen);
      } else this.#select(row === this.#selected ? null : row);
      this.#rove(row);
      row.element.focus({ preventScroll: true });
    });
    this.#list.addEventListener("dblclick", (event) => this.#isolate(rowAt(event)));
    this.#list.addEventListener("pointerover", (event) => {
      if (event.pointerType === "mouse") this.#pointRow(rowAt(event));
    });
    this.#list.addEventListener("pointerleave", () => this.#pointRow(null));
    this.#list.addEventListener("focusin", (event) => {
      if (event.target.matches(":focus-visible")) this.#pointRow(rowAt(event));
    });
    this.#list.addEventListener("focusout", () => this.#pointRow(null));
    this.#list.addEventListener("keydown", (event) => {
      const row = rowAt(event);
      if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
      if (!this.#press(event.key, row)) return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  /** Do what a key means on `row`; returns whether it means something. */
  #press(key, row) {
    const shown = this.#rows.filter(isUnfolded);
    const at = shown.indexOf(row);
    if (key === "ArrowDown") this.#focus(shown[at + 1]);
    else if (key === "ArrowUp") this.#focus(shown[at - 1]);
    else if (key === "Home") this.#focus(shown[0]);
    else if (key === "End") this.#focus(shown.at(-1));
    else if (key === "ArrowRight") this.#unfold(row);
    else if (key === "ArrowLeft") this.#fold(row);
    else if (key === "Enter") this.#select(row === this.#selected ? null : row);
    else if (key === " ") this.#toggle(row);
    else if (key === "Escape" && this.#selected) this.#select(null);
    else if (key === "h") this.#toggle(row);
    else if (key === "i") this.#isolate(row);
    else if (key === "a") this.#hide([]);
    else return false;
    return true;
  }

  #unfold(row) {
    if (!row.rows.length) return;
    if (row.isOpen) this.#focus(row.rows[0]);
    else this.#open(row, true);
  }

  #fold(row) {
    if (row.isOpen) this.#open(row, false);
    else this.#focus(row.parent);
  }

  #focus(row) {
    if (!row) return;
    this.#rove(row);
    row.element.focus({ preventScroll: true });
    reveal(row);
  }

  /** The list is one stop of the Tab key: at this row. */
  #rove(row) {
    for (const other of this.#rows) other.element.tabIndex = other === row ? 0 : -1;
  }

  #open(row, isOpen) {
    row.isOpen = isOpen;
    row.element.setAttribute("aria-expanded", isOpen);
  }

  #visibleRow(body) {
    let row = this.#rowOf.get(body);
    while (row && !isUnfolded(row)) row = row.parent;
    return row;
  }

  #pointRow(row) {
    if (row === this.#pointed) return;
    this.#pointed = row;
    this.#mark();
  }

  #select(row) {
    this.#selected = row;
    for (const other of this.#rows) {
      other.element.setAttribute("aria-selected", other === row);
    }
    this.#refresh();
  }

  #toggle(row) {
    if (!row) return;
    const next = new Set(this.#hidden);
    const isShown = row.bodies.some((body) => !next.has(body));
    for (const body of row.bodies) next[isShown ? "add" : "delete"](body);
    this.#hide(next);
  }

  #isolate(row) {
    if (!row) return;
    const kept = new Set(row.bodies);
    this.#hide(this.#run.model.bodies.filter((body) => !kept.has(body)));
    this.#run.rig.fit();
  }

  #hide(bodies) {
    this.#hidden = new Set(bodies);
    this.#run.model.hide(this.#hidden);
    this.#run.rig.refresh();
    this.#refresh();
    this.#viewer.changed();
  }

  #explode() {
    const { model, rig, stage } = this.#run;
    this.#plan ??= planExplosion(model);
    model.shift(this.#plan(this.#slider.value / 100));
    rig.refresh();
    stage.move();
    this.#viewer.changed();
  }

  /** Let rows and buttons say what is so. */
  #refresh() {
    for (const row of this.#rows) this.#drawEye(row);
    const { isolate, hide, all } = this.#buttons;
    isolate.disabled = hide.disabled = !this.#selected;
    all.disabled = !this.#hidden.size;
    const isGone = this.#selected && isHidden(this.#selected, this.#hidden);
    hide.textContent = isGone ? gettext("Show") : gettext("Hide");
    this.#mark();
  }

  #drawEye(row) {
    const isGone = isHidden(row, this.#hidden);
    const state = isGone ? "hidden" : "shown";
    if (row.element.dataset.state === state) return;
    row.element.dataset.state = state;
    row.eye.replaceChildren(createIcon(ICONS[state]));
    const words = isGone ? gettext("Show %(name)s") : gettext("Hide %(name)s");
    row.eye.setAttribute("aria-label", interpolate(words, row));
    row.eye.title = isGone ? gettext("Show") : gettext("Hide");
  }

  /** Colour what is pointed at and what is selected; the rest steps back. */
  #mark() {
    const selected = new Set(this.#selected?.bodies);
    const pointed = new Set(this.#pointed?.bodies);
    for (const row of this.#rows) {
      row.element.toggleAttribute("data-pointed", row === this.#pointed);
    }
    this.#run.model.mark((body) => {
      if (selected.has(body)) return "selected";
      if (pointed.has(body)) return "hover";
      return selected.size ? "faded" : null;
    });
    this.#run.stage.invalidate();
  }
}

/** The rows for some nodes: equal pieces beside each other share one. */
function rowsOf(nodes) {
  const rows = new Map();
  for (const node of nodes.map(unwrap)) {
    const { body, children } = node;
    if (children.length) {
      const own = body ? [{ name: body.product, bodies: [body], rows: [] }] : [];
      const inner = [...own, ...rowsOf(children)];
      rows.set(node, {
        name: node.name || gettext("Assembly"),
        bodies: inner.flatMap(({ bodies }) => bodies),
        rows: inner,
      });
    } else if (rows.has(body.product)) {
      rows.get(body.product).bodies.push(body);
    } else {
      rows.set(body.product, { name: body.product, bodies: [body], rows: [] });
    }
  }
  for (const row of rows.values()) {
    if (row.bodies.length > 1 && !row.rows.length) row.rows = row.bodies.map(piece);
  }
  return [...rows.values()];
}

/** One of several equal pieces: by its own name, or else by its number. */
function piece(body, at) {
  const isPlain = !body.name || body.name === body.product;
  const name = isPlain ? `${body.product} ${at + 1}` : body.name;
  return { name, bodies: [body], rows: [] };
}

function isUnfolded({ parent }) {
  return !parent || (parent.isOpen && isUnfolded(parent));
}

/** Scroll the panel to a row, and the page not at all. */
function reveal({ element }) {
  const panels = element.closest(".viewer__panels");
  const frame = panels.getBoundingClientRect();
  const line = element.firstElementChild.getBoundingClientRect();
  if (line.top < frame.top) panels.scrollTop += line.top - frame.top;
  else if (line.bottom > frame.bottom) panels.scrollTop += line.bottom - frame.bottom;
}

function isHidden({ bodies }, hidden) {
  return bodies.every((body) => hidden.has(body));
}

function button(word, title) {
  return html("button", { class: "viewer__choice", type: "button", title }, word);
}

/** Write numbers shortly: 1, 4, 5, 6 is "1.4-6". */
function spansOf(numbers) {
  const spans = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = spans.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else spans.push([number, number]);
  }
  return spans.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(".");
}

function numbersOf(text) {
  return text.split(".").flatMap((span) => {
    const [from, to = from] = span.split("-").map(Number);
    const isSpan = Number.isInteger(from) && Number.isInteger(to) && to - from < 1e5;
    return isSpan ? Array.from({ length: to - from + 1 }, (_, i) => from + i) : [];
  });
}
