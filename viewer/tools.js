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
//   keep(name, state)     state = {read(), write(text)}: what a link to the view
//                         tells of the tool; "" is as it is at first (share.js)
//   changed()             that state is another one now
//
// A tool knows no other; what two of them share is a module of its own.

import { addBox } from "./box.js";
import { addCompare } from "./compare.js";
import { addCube } from "./cube.js";
import { addEdges, addFullScreen } from "./look.js";
import { addMeasure } from "./measure.js";
import { addSection } from "./section.js";
import { addShare } from "./share.js";
import { addTree } from "./tree.js";
import { addUnits } from "./units.js";
import { addViews } from "./views.js";

/** In the order of the bar, within its groups. */
export const TOOLS = [
  addViews,
  addCube,
  addMeasure,
  addSection,
  addBox,
  addUnits,
  addTree,
  addCompare,
  addEdges,
  addShare, // after all that keep something a link tells
  addFullScreen,
];
