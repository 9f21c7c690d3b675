// How the picture is drawn and how large it is: edges, and the full screen.

import { gettext } from "../static/js/words.js";

/** The switch for the edges; the next model keeps it as it is. */
export function addEdges(viewer) {
  let isOn = true;
  const draw = () => {
    for (const model of viewer.run.stage.models) model.edges = isOn;
    viewer.run.stage.invalidate();
  };
  const button = viewer.addButton({
    name: "edges",
    group: "picture",
    word: gettext("Edges"),
    label: gettext("Edges"),
    icon: "edges",
    key: "e",
    toggles: true,
    use: () => {
      isOn = !isOn;
      button.press(isOn);
      draw();
    },
  });
  button.press(isOn);
  viewer.onModel(draw);
}

/** Full screen; iPhones have it for films only, and get no button. */
export function addFullScreen(viewer) {
  if (!document.fullscreenEnabled) return;
  const { root, signal } = viewer;
  const isOn = () => document.fullscreenElement === root;
  const button = viewer.addButton({
    name: "fullscreen",
    group: "picture",
    word: gettext("Full"),
    label: gettext("Full screen"),
    icon: "fullscreen",
    toggles: true,
    use: () => (isOn() ? document.exitFullscreen() : root.requestFullscreen()),
  });
  root.addEventListener("fullscreenchange", () => button.press(isOn()), { signal });
}
