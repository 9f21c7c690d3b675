// What the viewer can do. Each tool is a function that is called once for a
// viewer and takes what it needs from it:
//
//   root, signal          its element; aborted when the viewer goes
//   units                 millimetres or inches (units.js)
//   addButton, addPanel   in the bar and beside the picture (toolbar.js)
//   onModel(use)          use({model, shapes, rig, stage, canvas, box, signal}) for
//                         each model that is shown; `signal` aborts when it goes, `box`
//                         holds what lies over the picture
//   onFrame(draw)         draw(camera) after each picture
//   run                   the same as `use` gets, while a model is shown
//
// A tool knows no other; what two of them share is a module of its own.

import { addBox } from "./box.js";
import { addEdges, addFullScreen } from "./look.js";
import { addMeasure } from "./measure.js";
import { addSection } from "./section.js";
import { addUnits } from "./units.js";
import { addViews } from "./views.js";

/** In the order of the bar, within its groups. */
export const TOOLS = [
  addViews,
  addMeasure,
  addSection,
  addBox,
  addUnits,
  addEdges,
  addFullScreen,
];
