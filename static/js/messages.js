// Lets messages be closed; good news goes by itself.

import { drawIcon } from "./icon.js";
import { gettext } from "./words.js";

const GOOD_NEWS_MS = 6000;
const SIGNS = { success: "completed", error: "blocked", warn: "info", info: "info" };

/** Give each message in `root` a button, and each success an end. */
export function dismissMessages(root) {
  for (const message of root.querySelectorAll(".message")) dismissMessage(message);
}

/** Show `messages` of another page here. */
export function addMessages(messages) {
  for (const message of messages) show(document.importNode(message, true));
}

/** Say something; a message that is neither good news nor closed stays. */
export function addMessage(words, level, link = null) {
  const message = document.createElement("div");
  message.className = "message";
  message.dataset.level = level;
  const text = document.createElement("p");
  text.className = "message__text";
  text.append(words);
  if (link) text.append(" ", link);
  if (SIGNS[level]) message.append(drawIcon(SIGNS[level]));
  message.append(text);
  show(message);
  return message;
}

function show(message) {
  document.querySelector(".messages").append(message);
  dismissMessage(message);
}

/** Give one message its button and, if it is good news, its end. */
export function dismissMessage(message) {
  message.append(closer(message));
  if (["success", "info"].includes(message.dataset.level)) leaveLater(message);
}

function closer(message) {
  const button = document.createElement("button");
  button.className = "button button--bare message__close";
  button.setAttribute("aria-label", gettext("Close this message"));
  button.textContent = "×";
  button.addEventListener("click", () => message.remove());
  return button;
}

function leaveLater(message) {
  let timer = setTimeout(leave, GOOD_NEWS_MS);
  message.addEventListener("pointerenter", () => clearTimeout(timer));
  message.addEventListener("pointerleave", () => {
    timer = setTimeout(leave, GOOD_NEWS_MS / 2);
  });

  function leave() {
    if (message.contains(document.activeElement)) return;
    message.remove();
  }
}
