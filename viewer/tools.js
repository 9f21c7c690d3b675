// What the viewer can do. Each tool is a function that is called once for a
// viewer and takes what it needs from it:
//
//   root, signal          its element; aborted when the viewer goes
//   addButton, addPanel   in the bar and beside the picture (toolbar.js)
//   onModel(use)          use({model, rig, stage, canvas, box, signal}) for each
//                         model that is shown; `signal` aborts when it goes, `box`
//                         holds what lies over the picture
//   onFrame(draw)         draw(camera) after each picture
//   run                   the same as `use` gets, while a model is shown
//
// A tool knows no other; what two of them share is a module of its own.

import { addEdges, addFullScreen } from "./look.js";
import { addViews } from "./views.js";

/** In the order of the bar, within its groups. */
export const TOOLS = [addViews, addEdges, addFullScreen];
