// The drawing surface: canvas, light, colours of the theme, and frames on demand.

import {
  Color,
  DirectionalLight,
  HemisphereLight,
  Object3D,
  Scene,
  SRGBColorSpace,
  WebGLRenderer,
} from "three";

import { html } from "./dom.js";
import { ViewerError } from "./errors.js";
import { isSoftware, Pace } from "./pace.js";

// STEP and our GLB have Z up. Set before the first camera or light is made.
Object3D.DEFAULT_UP.set(0, 0, 1);

const SHARPEST = 2; // device pixels a CSS pixel; more costs time and shows nothing
// The same where there is no graphics card. Its antialiasing costs more than all else,
// so a picture that stands still is drawn larger instead, and one that moves smaller.
const SOFTWARE_STILL = 1.5;
const MOVING = 0.5;
const REST_MS = 250; // after the last movement the picture is drawn in full

/** Draws a model into `box`, a positioned element. */
export class Stage {
  canvas;

  #box;
  #on;
  #renderer;
  #scene = new Scene();
  #key = new DirectionalLight(0xffffff, 1.5);
  #model = null;
  #camera = null;
  #frame = 0;
  #size = "";
  #ratio = 0;
  #isSoftware = isSoftware();
  #pace = new Pace(this.#isSoftware);
  #isMoving = false;
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
    this.#model = model;
    this.#camera = camera;
    this.#scene.add(model.root);
    // The light comes over the left shoulder of whoever looks.
    camera.add(this.#key, this.#key.target);
    this.#key.position.set(-0.45, 0.75, 1);
    this.#scene.add(camera);
    this.#watchTheme();
    this.#resize();
    this.#watchSize();
  }

  /** Draw `object` as well, until it removes itself. */
  add(object) {
    this.#scene.add(object);
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
    this.#model.simplify(this.#isMoving && this.#pace.isSlow);
  }

  dispose() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
    this.#listeners.abort();
    for (const observer of this.#observers) observer.disconnect();
    this.#model?.dispose();
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
    this.#renderer.render(this.#scene, this.#camera);
    this.#on.frame(this.#camera);
  }

  /** Fill the box and draw at once, for a resized canvas is an empty one. */
  #resize() {
    const { clientWidth: width, clientHeight: height } = this.#box;
    const size = [width, height, devicePixelRatio].join();
    if (!width || !height || size === this.#size) return;
    this.#size = size;
    this.#ratio = 0;
    this.#sharpen();
    this.#model.frame(width, height);
    this.#on.resize(width, height);
    this.#draw();
  }

  /** Take as many pixels as there is time for. */
  #sharpen() {
    const sharp = Math.min(devicePixelRatio, SHARPEST);
    const still = this.#isSoftware ? Math.max(SOFTWARE_STILL, sharp) : sharp;
    const ratio = this.#isMoving && this.#pace.isSlow ? MOVING : still;
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
      this.#model.ink(cssColor(this.canvas));
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
    throw new ViewerError("This browser cannot show 3D (WebGL is switched off).");
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
