// Brings the 3D viewer, a large module, only where its element stands.

const VIEWERS = "[data-viewer]";

/** Mount the viewer on every `[data-viewer]` in `root`, or on `root` itself. */
export function mountViewers(root) {
  if (root.matches?.(VIEWERS)) mount(root);
  for (const element of root.querySelectorAll(VIEWERS)) mount(element);
}

async function mount(element) {
  try {
    const { mountViewer } = await import(element.dataset.module);
    mountViewer(element);
  } catch (error) {
    element.querySelector("[data-viewer-failed]").hidden = false;
    reportError(error);
  }
}
