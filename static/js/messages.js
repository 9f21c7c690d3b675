// Lets messages be closed; good news goes by itself.

const GOOD_NEWS_MS = 6000;

/** Give each message in `root` a button, and each success an end. */
export function dismissMessages(root) {
  for (const message of root.querySelectorAll(".message")) dismissMessage(message);
}

/** Give one message its button and, if it is good news, its end. */
export function dismissMessage(message) {
  message.append(closer(message));
  if (message.dataset.level !== "error") leaveLater(message);
}

function closer(message) {
  const button = document.createElement("button");
  button.className = "button button--bare message__close";
  button.setAttribute("aria-label", "Close this message");
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
