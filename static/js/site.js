// Wires what the page has. Without it every page works; with it, more smoothly.

import { dismissMessages } from "./messages.js";
import { editInPlace } from "./edit_in_place.js";
import { filterAtOnce } from "./filters.js";
import { findParts } from "./finder.js";
import { listenToKeys } from "./keys.js";
import { copyTexts } from "./copy.js";
import { giveInPlace } from "./give.js";
import { switchLanes } from "./lanes.js";
import { closeMenus } from "./menus.js";
import { helpWithPasswords } from "./passwords.js";
import { rememberPage } from "./page.js";
import { sendOnce } from "./once.js";
import { stepsInPlace } from "./steps.js";
import { watchPage } from "./live.js";
import { watchUploads } from "./upload.js";
import { mountViewers } from "./viewers.js";
import { wishInWords } from "./wishes.js";
import { tellTimeZone } from "./zone.js";
import { focusFirstWrong } from "./wrong.js";

rememberPage(document, wake); // first: what the others do to the page was not sent
closeMenus(document);
focusFirstWrong(document);
copyTexts(document);
dismissMessages(document);
editInPlace(document);
filterAtOnce(document);
findParts(document);
helpWithPasswords(document);
giveInPlace(document);
switchLanes(document);
wishInWords(document);
listenToKeys(document);
sendOnce(document);
tellTimeZone(document);
stepsInPlace(document);
watchPage(document);
wake(document);
for (const form of document.querySelectorAll("[data-hand-in]")) {
  import("./hand-in.js").then(({ handIn }) => handIn(form));
}

/** Wake what stands in `root`, at first and when it comes in later. */
function wake(root) {
  watchUploads(root);
  mountViewers(root);
}
