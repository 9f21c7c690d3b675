// What hands do: mouse, wheel, fingers and keys, turned into moves of the rig.

const TURN = 0.008; // radians a CSS pixel: half a turn across a phone
const KEY_TURN = Math.PI / 12;
const KEY_PAN = 40; // CSS pixels
const KEY_ZOOM = 1.25;
const LINE = 20; // CSS pixels of wheel a line, where the browser counts in lines
const NOTCH = 200; // and the most it may bring at once
const WHEEL = 0.0016; // zoom a pixel of wheel, as an exponent
const PINCH = 0.01; // the same for two fingers on a touchpad
const GESTURE_MS = 300; // wheel events closer than this are one movement

const KEYS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Let hands on `canvas` move `rig`, until `signal` aborts. */
export function addControls(canvas, rig, signal) {
  addPointers(canvas, rig, signal);
  addWheel(canvas, rig, signal);
  addKeys(canvas, rig, signal);
  canvas.addEventListener("dblclick", () => rig.fit(), { signal });
}

/** One finger or the left button turns, two or any other button move and zoom. */
function addPointers(canvas, rig, signal) {
  const pointers = new Map();
  const listen = (type, handler) => canvas.addEventListener(type, handler, { signal });

  listen("contextmenu", (event) => event.preventDefault());
  listen("pointerdown", (event) => {
    if (pointers.size === 2) return;
    // A middle button would begin to scroll the page.
    if (event.button === 1) event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointOf(event));
    canvas.dataset.held = "";
  });
  listen("pointermove", (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, pointOf(event));
    move(before, [...pointers.values()], isPan(event));
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    listen(type, (event) => {
      pointers.delete(event.pointerId);
      if (!pointers.size) delete canvas.dataset.held;
    });
  }

  function move(before, after, pans) {
    const from = middle(before);
    const to = middle(after);
    const x = to.x - from.x;
    const y = to.y - from.y;
    if (after.length === 2) {
      const { x: offX, y: offY } = offMiddle(canvas, to);
      rig.pan(x, y);
      rig.zoom(spread(after) / spread(before), offX, offY);
    } else if (pans) {
      rig.pan(x, y);
    } else {
      rig.turn(-x * TURN, -y * TURN);
    }
  }
}

function isPan({ buttons, shiftKey, ctrlKey, metaKey }) {
  return buttons > 1 || shiftKey || ctrlKey || metaKey;
}

/** The wheel zooms to the cursor, unless it is scrolling the page just now. */
function addWheel(canvas, rig, signal) {
  let last = -Infinity;
  let isOurs = false;
  // Whoever scrolls past the viewer must not be caught by it: a movement that
  // began elsewhere stays with the page.
  const begin = (event) => {
    if (event.timeStamp - last > GESTURE_MS) isOurs = canvas.contains(event.target);
    last = event.timeStamp;
  };
  addEventListener("wheel", begin, { capture: true, passive: true, signal });
  const zoom = (event) => {
    if (!isOurs && !event.ctrlKey) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : LINE;
    const wheel = Math.max(-NOTCH, Math.min(NOTCH, event.deltaY * lines));
    const { x, y } = offMiddle(canvas, pointOf(event));
    rig.zoom(Math.exp(-wheel * (event.ctrlKey ? PINCH : WHEEL)), x, y);
  };
  canvas.addEventListener("wheel", zoom, { passive: false, signal });
}

/** Arrows turn, with Shift they move; plus and minus zoom. */
function addKeys(canvas, rig, signal) {
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (!act(event)) return;
    event.preventDefault();
  };
  canvas.addEventListener("keydown", press, { signal });

  function act({ key, shiftKey }) {
    if (key === "+" || key === "=") rig.zoom(KEY_ZOOM);
    else if (key === "-") rig.zoom(1 / KEY_ZOOM);
    else if (!(key in KEYS)) return false;
    else if (shiftKey) rig.pan(...KEYS[key].map((step) => step * KEY_PAN));
    else rig.turn(...KEYS[key].map((step) => -step * KEY_TURN));
    return true;
  }
}

function pointOf({ clientX, clientY }) {
  return { x: clientX, y: clientY };
}

function middle([a, b = a]) {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function spread([a, b]) {
  return Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
}

/** How far a point is from the middle of its frame, of which there may be several. */
function offMiddle(canvas, { x, y }) {
  const box = canvas.getBoundingClientRect();
  const { columns = 1, rows = 1 } = canvas.dataset;
  const [width, height] = [box.width / columns, box.height / rows];
  return {
    x: modulo(x - box.x, width) - width / 2,
    y: modulo(y - box.y, height) - height / 2,
  };
}

function modulo(value, length) {
  return ((value % length) + length) % length;
}
