// The 3D viewer of a part. Enhances
//
//   <div class="viewer" data-viewer data-src="…glb" data-bytes="123456"
//        data-name="Gearbox plate">
//     <img class="viewer__poster" src="…png" alt="Picture of Gearbox plate">
//   </div>
//
// The picture stays until the model is drawn, and comes back when it cannot be.
// `data-state` is loading, ready or failed; a `viewer:ready` event bubbles.

import { gettext, interpolate } from "../static/js/words.js";
import { addControls } from "./controls.js";
import { html } from "./dom.js";
import { ViewerError } from "./errors.js";
import { readGlb } from "./glb.js";
import { download } from "./load.js";
import { buildModel } from "./model.js";
import { createNotice } from "./notice.js";
import { Rig } from "./rig.js";
import { Shapes } from "./shapes.js";
import { Stage } from "./stage.js";
import { Panels, Toolbar } from "./toolbar.js";
import { TOOLS } from "./tools.js";
import { Units } from "./units.js";

const WAITING = {
  429: gettext("The server is busy. The 3D model comes as soon as it can."),
  503: gettext("The 3D model is still being made. It comes as soon as it is done."),
};

/**
 * Show the model of `root` in 3D; returns its Viewer, also at `root.viewer`.
 * Failures are shown in place and never thrown.
 *
 * @param {HTMLElement} root
 */
export function mountViewer(root) {
  root.viewer?.dispose();
  root.viewer = new Viewer(root);
  return root.viewer;
}

class Viewer {
  root;
  units;
  /** What a link to the view tells, by name; see tools.js. */
  states = new Map();

  #box = html("div", { class: "viewer__stage" });
  #notice = createNotice();
  #toolbar = new Toolbar();
  #panels = new Panels();
  #life = new AbortController();
  #onModel = [];
  #onFrame = [];
  #attempt = null; // { stop, signal, box, stage, canvas, model, shapes, rig } as far as it got
  #keepsFocus = false; // somebody pressed a button that is gone by now

  constructor(root) {
    this.root = root;
    this.units = new Units(root);
    root.append(this.#box, this.#notice.element);
    root.append(this.#toolbar.element, this.#panels.element);
    for (const addTool of TOOLS) addTool(this);
    this.#watchPage();
    this.#start();
  }

  /** Triangles on show, all instances counted. */
  get triangles() {
    return this.run?.model.triangles ?? 0;
  }

  /** What is shown, or null; see tools.js. */
  get run() {
    return this.#attempt?.rig ? this.#attempt : null;
  }

  /** Aborts when the viewer goes. */
  get signal() {
    return this.#life.signal;
  }

  addButton(tool) {
    return this.#toolbar.add(tool);
  }

  addPanel(panel) {
    return this.#panels.add(panel);
  }

  onModel(use) {
    this.#onModel.push(use);
  }

  onFrame(draw) {
    this.#onFrame.push(draw);
  }

  keep(name, state) {
    this.states.set(name, state);
  }

  changed() {
    this.root.dispatchEvent(new Event("viewer:changed"));
  }

  /** Give everything back and leave the picture. */
  dispose() {
    if (this.#life.signal.aborted) return; // the root may have a new viewer
    this.#life.abort();
    this.#end();
    this.#box.remove();
    this.#notice.element.remove();
    this.#toolbar.element.remove();
    this.#panels.element.remove();
    delete this.root.dataset.state;
    delete this.root.viewer;
  }

  async #start() {
    const stop = new AbortController();
    const run = { stop, signal: stop.signal, box: this.#box };
    this.#attempt = run;
    this.#state("loading");
    try {
      await this.#load(run);
    } catch (error) {
      if (!run.signal.aborted) this.#fail(error);
    }
  }

  async #load(run) {
    // Before the download: without WebGL the bytes would be of no use.
    run.stage = new Stage(this.#box, {
      resize: (width, height) => run.rig.resize(width, height),
      frame: (camera) => this.#onFrame.forEach((draw) => draw(camera)),
      lost: () => this.#lose(),
      restored: () => this.#regain(run),
    });
    run.canvas = run.stage.canvas;
    const bytes = await download(this.root.dataset.src, {
      expectedBytes: Number(this.root.dataset.bytes) || 0,
      signal: run.signal,
      onProgress: this.#notice.progress,
      onWait: (status) => this.#notice.wait(WAITING[status]),
    });
    run.model = buildModel(readGlb(bytes));
    run.shapes = new Shapes(run.model.meshes);
    run.rig = new Rig(run.model, () => run.stage.move());
    run.stage.show(run.model, run.rig.camera);
    this.#offerControls(run);
    for (const use of this.#onModel) use(run);
    this.#show(run);
    this.root.dispatchEvent(new CustomEvent("viewer:ready", { bubbles: true }));
  }

  #show({ canvas }) {
    this.#notice.hide();
    this.#toolbar.enable(true);
    this.#state("ready");
    this.#focus(canvas);
  }

  /** Put the focus back that a button took along when it vanished. */
  #focus(element) {
    if (this.#keepsFocus && document.activeElement === document.body) {
      element?.focus({ preventScroll: true });
    }
    this.#keepsFocus = false;
  }

  #offerControls({ canvas, rig, signal }) {
    const { name = gettext("This part") } = this.root.dataset;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", gettext("3D model"));
    const label = gettext(
      "%(name)s in 3D. Arrow keys turn it, plus and minus zoom, F fits.",
    );
    canvas.setAttribute("aria-label", interpolate(label, { name }));
    addControls(canvas, rig, signal);
  }

  #watchPage() {
    const { signal } = this.#life;
    this.root.addEventListener("keydown", (event) => this.#press(event), { signal });
    addEventListener("pagehide", () => this.#leavePage(), { signal });
    // A removed element has no size any more, so this fires then, too.
    const observer = new ResizeObserver(() => {
      if (!this.root.isConnected) this.dispose();
    });
    observer.observe(this.root);
    signal.addEventListener("abort", () => observer.disconnect());
  }

  #press(event) {
    if (this.#toolbar.type(event)) event.preventDefault();
  }

  /** Free the graphics memory; if the page comes back, begin again. */
  #leavePage() {
    const root = this.root;
    this.dispose();
    const back = ({ persisted }) => {
      if (persisted && root.isConnected && !root.viewer) mountViewer(root);
    };
    addEventListener("pageshow", back, { once: true });
  }

  #retry() {
    this.#end();
    this.#start();
  }

  /** The context is gone, as after a crash of the driver; often it returns. */
  #lose() {
    const error = new ViewerError(gettext("The graphics driver stopped."), {
      remedy: "retry",
    });
    this.#fail(error, { ends: !this.run });
  }

  /** three puts everything on the new context by itself. */
  #regain(run) {
    run.stage.invalidate();
    this.#show(run);
  }

  #fail(error, { ends = true } = {}) {
    if (ends) this.#end();
    const known = error instanceof ViewerError;
    if (!known) reportError(error);
    const words = known ? error.message : gettext("The 3D model could not be shown.");
    const { remedy = "retry" } = error;
    const remedies = this.#remedies(remedy);
    this.#notice.fail(words + this.#comfort(remedy), ...remedies);
    this.#toolbar.enable(false);
    this.#state("failed");
    this.#focus(remedies[0]);
  }

  #comfort(remedy) {
    const hasPicture = this.root.querySelector(".viewer__poster");
    if (!hasPicture || remedy === "sign-in") return "";
    return ` ${gettext("The picture still shows the part.")}`;
  }

  #remedies(remedy) {
    if (remedy === "sign-in") {
      // Any page asks a stranger to sign in and then leads back to itself.
      const link = { class: "viewer__remedy", href: location.href };
      return [html("a", link, gettext("Sign in"))];
    }
    if (remedy !== "retry") return [];
    const attributes = { class: "viewer__remedy", type: "button" };
    const button = html("button", attributes, gettext("Try again"));
    button.addEventListener("click", () => {
      this.#keepsFocus = true;
      this.#retry();
    });
    return [button];
  }

  #end() {
    this.#attempt?.stop.abort();
    this.#attempt?.rig?.dispose();
    this.#attempt?.stage?.dispose();
    this.#attempt = null;
    this.#toolbar.enable(false);
  }

  #state(name) {
    this.root.dataset.state = name;
  }
}
