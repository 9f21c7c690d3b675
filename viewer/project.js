// From the world to the picture.

/** Return a function that tells where a point of the world lies, in CSS pixels. */
export function projector({ canvas, rig }) {
  const { camera } = rig;
  return (point) => {
    const { x, y } = point.clone().project(camera);
    return [((1 + x) * canvas.clientWidth) / 2, ((1 - y) * canvas.clientHeight) / 2];
  };
}
