// Wires what the page has. Without it every page works; with it, more smoothly.

import { dismissMessage, dismissMessages } from "./messages.js";
import { editInPlace } from "./edit_in_place.js";
import { filterAtOnce } from "./filters.js";
import { keepPlace } from "./place.js";
import { copyTexts } from "./copy.js";
import { switchLanes } from "./lanes.js";
import { closeMenus } from "./menus.js";
import { helpWithPasswords } from "./passwords.js";
import { sendOnce } from "./once.js";
import { watchConversions } from "./live.js";
import { watchUploads } from "./upload.js";
import { mountViewers } from "./viewers.js";
import { wishInWords } from "./wishes.js";
import { tellTimeZone } from "./zone.js";
import { focusFirstWrong } from "./wrong.js";

closeMenus(document);
focusFirstWrong(document);
copyTexts(document);
dismissMessages(document);
editInPlace(document, dismissMessage);
filterAtOnce(document);
helpWithPasswords(document);
switchLanes(document);
keepPlace(document);
watchUploads(document);
wishInWords(document);
sendOnce(document);
tellTimeZone(document);
watchConversions(document, mountViewers);
mountViewers(document);
for (const form of document.querySelectorAll("[data-hand-in]")) {
  import("./hand-in.js").then(({ handIn }) => handIn(form));
}
