// The drawing surface: canvas, light, colours of the theme, and frames on demand.

import {
  Color,
  DirectionalLight,
  HemisphereLight,
  Object3D,
  Scene,
  SRGBColorSpace,
  Vector2,
  WebGLRenderer,
} from "three";

import { gettext } from "../static/js/words.js";
import { html } from "./dom.js";
import { ViewerError } from "./errors.js";
import { isSoftware, Pace } from "./pace.js";

// STEP and our GLB have Z up. Set before the first camera or light is made.
Object3D.DEFAULT_UP.set(0, 0, 1);

const SHARPEST = 2; // device pixels a CSS pixel; more costs time and shows nothing
// The same where there is no graphics card. Its antialiasing costs more than all else,
// so a picture that stands still is drawn larger instead; one that moves is drawn
// smaller (pace.js).
const SOFTWARE_STILL = 1.5;
const REST_MS = 250; // after the last movement the picture is drawn in full

/** Draws a model into `box`, a positioned element. */
export class Stage {
  canvas;

  /** Draws the picture, `(renderer, scene, camera)`, where not all at once is meant. */
  painter = null;
  models = new Set();

  #box;
  #on;
  #renderer;
  #scene = new Scene();
  #key = new DirectionalLight(0xffffff, 1.5);
  #panes = [1, 1]; // columns and rows of pictures side by side
  #camera = null;
  #frame = 0;
  #size = "";
  #ratio = 0;
  #isSoftware = isSoftware();
  #pace = new Pace(this.#isSoftware);
  #isMoving = false;
  #isOdd = false;
  #rest = 0; // timer
  #listeners = new AbortController();
  #observers = [];

  /**
   * @param {HTMLElement} box
   * @param {object} on
   * @param {(width: number, height: number) => void} on.resize in CSS pixels
   * @param {(camera: object) => void} on.frame after each picture
   * @param {() => void} on.lost the graphics driver took its context away
   * @param {() => void} on.restored and gave it back
   * @throws {ViewerError} without WebGL
   */
  constructor(box, on) {
    this.#box = box;
    this.#on = on;
    this.canvas = html("canvas", { class: "viewer__canvas" });
    this.#renderer = createRenderer(this.canvas, !this.#isSoftware);
    this.#scene.add(new HemisphereLight(0xffffff, 0xa9b0ba, 1.65), this.#key);
    box.append(this.canvas);
    this.#watchContext();
  }

  /** Begin to draw `model` through `camera`. */
  show(model, camera) {
    this.models.add(model);
    this.#camera = camera;
    this.#scene.add(model.root);
    // The light comes over the left shoulder of whoever looks.
    camera.add(this.#key, this.#key.target);
    this.#key.position.set(-0.45, 0.75, 1);
    this.#scene.add(camera);
    this.#watchTheme();
    this.#resize();
    this.#watchSize();
    if (this.#pace.isSlow) this.#rest = setTimeout(() => model.prepare(), REST_MS);
  }

  /** Draw `object` as well, until it removes itself. */
  add(object) {
    this.#scene.add(object);
  }

  /** Take another model onto the stage. */
  addModel(model) {
    this.models.add(model);
    this.#scene.add(model.root);
    model.ink(cssColor(this.canvas));
    this.#size = "";
    this.#resize();
  }

  /** Take it off again, and free what it holds. */
  dropModel(model) {
    this.models.delete(model);
    this.#scene.remove(model.root);
    model.dispose();
    this.invalidate();
  }

  /** Divide the canvas into columns and rows of equal frames. */
  divide(columns, rows) {
    if (this.#panes.join() === [columns, rows].join()) return;
    this.#panes = [columns, rows];
    Object.assign(this.canvas.dataset, { columns, rows }); // for the controls
    this.#size = "";
    this.#resize();
  }

  /** Return the picture as a canvas of its own, with `scale` times the pixels. */
  takePicture(scale) {
    this.#isMoving = false;
    this.#simplify();
    const { width, height } = this.#renderer.getSize(new Vector2());
    const most = this.#renderer.capabilities.maxTextureSize / Math.max(width, height);
    this.#renderer.setPixelRatio(Math.min(scale * this.#sharp, most));
    this.#paint();
    const picture = html("canvas");
    picture.width = this.canvas.width;
    picture.height = this.canvas.height;
    // In the same breath: the browser clears what it has shown.
    picture.getContext("2d").drawImage(this.canvas, 0, 0);
    this.#renderer.setPixelRatio(this.#ratio);
    this.#paint();
    return picture;
  }

  /** Ask for a new frame. */
  invalidate() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Ask for a new frame of a movement: where all of it takes too long, for less. */
  move() {
    this.invalidate();
    clearTimeout(this.#rest); // begins again with the frame
    if (this.#isMoving) return;
    this.#isMoving = true;
    this.#simplify();
  }

  #settle() {
    this.#isMoving = false;
    this.#simplify();
    this.invalidate();
  }

  #simplify() {
    const isSimple = this.#isMoving && this.#pace.isSlow;
    for (const model of this.models) model.simplify(isSimple);
  }

  dispose() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
    this.#listeners.abort();
    for (const observer of this.#observers) observer.disconnect();
    for (const model of this.models) model.dispose();
    this.#renderer.dispose();
    // Browsers keep few contexts; waiting for the garbage collector would lose
    // the one of another page.
    if (!this.#renderer.getContext().isContextLost()) this.#renderer.forceContextLoss();
    this.canvas.remove();
  }

  #draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    if (this.#isMoving) {
      this.#pace.beat(performance.now());
      this.#simplify();
      clearTimeout(this.#rest);
      this.#rest = setTimeout(() => this.#settle(), REST_MS);
    }
    this.#sharpen();
    this.#paint();
    // The signs over the picture cost as much as it does; they may lag by one frame.
    this.#isOdd = this.#isMoving && this.#pace.isSlow && !this.#isOdd;
    if (!this.#isOdd) this.#on.frame(this.#camera);
  }

  #paint() {
    if (this.painter) this.painter(this.#renderer, this.#scene, this.#camera);
    else this.#renderer.render(this.#scene, this.#camera);
  }

  /** Fill the box and draw at once, for a resized canvas is an empty one. */
  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#box;
    const size = [width, height, devicePixelRatio].join();
    if (!width || !height || size === this.#size) return;
    this.#size = size;
    this.#ratio = 0;
    this.#sharpen();
    const [columns, rows] = this.#panes;
    const frame = [width / columns, height / rows];
    for (const model of this.models) model.frame(...frame);
    this.#on.resize(...frame);
    this.#draw();
  }

  /** Device pixels a CSS pixel that are worth drawing. */
  get #sharp() {
    return Math.min(devicePixelRatio, SHARPEST);
  }

  /** Take as many pixels as there is time for. */
  #sharpen() {
    const sharp = this.#sharp;
    const still = this.#isSoftware ? Math.max(SOFTWARE_STILL, sharp) : sharp;
    const ratio = this.#isMoving && this.#pace.isSlow ? this.#pace.ratio : still;
    if (ratio === this.#ratio) return;
    this.#ratio = ratio;
    const { clientWidth: width, clientHeight: height } = this.#box;
    this.#renderer.setPixelRatio(ratio);
    this.#renderer.setSize(width, height, false);
  }

  #watchSize() {
    const observer = new ResizeObserver(() => this.#resize());
    observer.observe(this.#box);
    this.#observers.push(observer);
  }

  /** Follow the theme, whether the system or the page changes it. */
  #watchTheme() {
    const ink = () => {
      for (const model of this.models) model.ink(cssColor(this.canvas));
      this.invalidate();
    };
    const { signal } = this.#listeners;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", ink, {
      signal,
    });
    const observer = new MutationObserver(ink);
    observer.observe(document.documentElement, { attributes: true });
    this.#observers.push(observer);
    ink();
  }

  #watchContext() {
    const { signal } = this.#listeners;
    this.canvas.addEventListener("webglcontextlost", this.#on.lost, { signal });
    this.canvas.addEventListener("webglcontextrestored", this.#on.restored, { signal });
  }
}

function createRenderer(canvas, antialias) {
  const context = canvas.getContext("webgl2", {
    alpha: true,
    antialias,
    stencil: true, // for the faces of a section
  });
  if (!context) {
    throw new ViewerError(
      gettext("This browser cannot show 3D (WebGL is switched off)."),
    );
  }
  const renderer = new WebGLRenderer({ canvas, context });
  renderer.localClippingEnabled = true;
  renderer.debug.checkShaderErrors = false; // it would wait for the compiler
  return renderer;
}

/** The colour `element` has in CSS, in whatever notation, as three's. */
export function cssColor(element) {
  const brush = new OffscreenCanvas(1, 1).getContext("2d");
  brush.fillStyle = getComputedStyle(element).color;
  brush.fillRect(0, 0, 1, 1);
  const [r, g, b] = brush.getImageData(0, 0, 1, 1).data;
  return new Color().setRGB(r / 255, g / 255, b / 255, SRGBColorSpace);
}
