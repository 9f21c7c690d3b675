// Whether pictures can be drawn as fast as hands move.

const SLOW_MS = 36; // between two frames of a movement: 30 a second, and some air
const PATIENCE = 4; // slow frames in a row before less is drawn
const PAUSE_MS = 1000; // longer than that, and it was no frame of one movement
const RATIOS = [0.45, 0.36, 0.28]; // below that one no longer sees what one turns
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Watches the frames of movements, and says with how little they have to do. */
export class Pace {
  #level;
  #last = -Infinity;
  #count = 0;

  /** @param {boolean} isSlow from the first movement on */
  constructor(isSlow) {
    this.#level = isSlow ? 0 : -1;
  }

  get isSlow() {
    return this.#level >= 0;
  }

  /** Device pixels a CSS pixel for a movement that is too slow. */
  get ratio() {
    return RATIOS[this.#level];
  }

  /** Note a frame that was drawn while the model moves. */
  beat(now) {
    const took = now - this.#last;
    this.#last = now;
    if (took > PAUSE_MS) {
      this.#begin();
      return;
    }
    this.#count = took > SLOW_MS ? this.#count + 1 : 0;
    if (this.#count < PATIENCE) return;
    this.#count = 0;
    this.#level = Math.min(this.#level + 1, RATIOS.length - 1);
  }

  /** What was slow before may have been something else's fault. */
  #begin() {
    this.#count = 0;
    if (this.#level > 0) this.#level--;
  }
}

/** Whether the browser draws 3D without a graphics card. */
export function isSoftware() {
  const probe = new OffscreenCanvas(1, 1).getContext("webgl2");
  if (!probe) return false;
  const info = probe.getExtension("WEBGL_debug_renderer_info");
  const name = probe.getParameter(info?.UNMASKED_RENDERER_WEBGL ?? probe.RENDERER);
  probe.getExtension("WEBGL_lose_context")?.loseContext();
  return SOFTWARE.test(name);
}
