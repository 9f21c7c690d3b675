// Brings the 3D viewer, a large module, only where its element stands.

/** Mount the viewer on every `[data-viewer]` in `root`. */
export function mountViewers(root) {
  for (const element of root.querySelectorAll("[data-viewer]")) mount(element);
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
