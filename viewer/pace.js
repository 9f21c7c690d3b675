// Whether pictures can be drawn as fast as hands move.

const SLOW_MS = 45; // between two frames of a movement
const PATIENCE = 4; // slow frames in a row before less is drawn
const PAUSE_MS = 1000; // longer than that, and it was no frame of one movement
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Watches the frames of movements. */
export class Pace {
  isSlow;

  #last = -Infinity;
  #count = 0;

  constructor(isSlow) {
    this.isSlow = isSlow;
  }

  /** Note a frame that was drawn while the model moves. */
  beat(now) {
    const took = now - this.#last;
    this.#last = now;
    if (took > PAUSE_MS) return; // a movement begins
    this.#count = took > SLOW_MS ? this.#count + 1 : 0;
    if (this.#count >= PATIENCE) this.isSlow = true;
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
