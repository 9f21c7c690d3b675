// Which piece of the model lies under the mouse or a finger.

import { Raycaster, Vector2 } from "three";

const SLACK = 5; // CSS pixels a press may move and still be one

/**
 * Tell what the pointer is over and what is pressed, while `isOn()`.
 *
 * @param {{model, shapes, rig, canvas, signal}} run
 * @param {object} on
 * @param {() => boolean} on.isOn
 * @param {(body: object | null) => void} on.over with a mouse only
 * @param {(body: object | null) => void} on.take
 */
export function onPick(run, { isOn, over, take }) {
  const { canvas, signal } = run;
  const listen = (type, use) => canvas.addEventListener(type, use, { signal });
  let frame = 0;
  let pressed = null;

  listen("pointermove", (event) => {
    if (!isOn() || event.pointerType !== "mouse" || event.buttons) return;
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => over(pickBody(run, event)));
  });
  listen("pointerleave", () => {
    cancelAnimationFrame(frame);
    if (isOn()) over(null);
  });
  listen("pointerdown", (event) => {
    pressed = event.isPrimary && event.button === 0 ? event : null;
  });
  listen("pointerup", (event) => {
    if (!pressed || pressed.pointerId !== event.pointerId || !isOn()) return;
    const moved = Math.hypot(
      event.clientX - pressed.clientX,
      event.clientY - pressed.clientY,
    );
    if (moved <= SLACK) take(pickBody(run, event));
    pressed = null;
  });
}

/** The body that is seen at a point of the page, or null. */
export function pickBody(run, { clientX, clientY }) {
  const { model, shapes, rig, canvas } = run;
  const box = canvas.getBoundingClientRect();
  const point = new Vector2(
    (2 * (clientX - box.x)) / box.width - 1,
    1 - (2 * (clientY - box.y)) / box.height,
  );
  const caster = new Raycaster();
  caster.setFromCamera(point, rig.camera);
  return shapes.hit(caster.ray, model.planes)?.mesh.userData.body ?? null;
}
