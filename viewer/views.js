// Where to look from: the whole part, and its six sides.

import { gettext } from "../static/js/words.js";

const SIDES = [
  {
    name: "isometric",
    word: gettext("Iso"),
    label: gettext("Isometric view"),
    key: "7",
  },
  { name: "front", word: gettext("Front"), label: gettext("Front view"), key: "1" },
  { name: "back", word: gettext("Back"), label: gettext("Back view"), key: "2" },
  { name: "left", word: gettext("Left"), label: gettext("Left view"), key: "3" },
  { name: "right", word: gettext("Right"), label: gettext("Right view"), key: "4" },
  { name: "top", word: gettext("Top"), label: gettext("Top view"), key: "5" },
  { name: "bottom", word: gettext("Bottom"), label: gettext("Bottom view"), key: "6" },
];

/** The tools that place the camera. */
export function addViews(viewer) {
  const group = "view";
  viewer.addButton({
    name: "fit",
    group: "camera",
    word: gettext("Fit"),
    label: gettext("Fit the whole part"),
    icon: "fit",
    key: "f",
    use: () => viewer.run.rig.fit(),
  });
  for (const side of SIDES) {
    const use = () => viewer.run.rig.view(side.name);
    viewer.addButton({ ...side, group, icon: side.name, use });
  }
}
