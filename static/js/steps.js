// Takes a step without leaving the page: its answer is the page as it is then.

import { addMessage } from "./messages.js";
import { answerIn, CARDS, marker, readPage, renew } from "./page.js";
import { gettext } from "./words.js";

/** Send the steps on the page of `root` in place. */
export function stepsInPlace(root) {
  if (!marker(root)) return;
  root.addEventListener("submit", (event) => {
    const { target: form, submitter, defaultPrevented } = event;
    if (defaultPrevented || !form.matches("#main form[data-once][method=post]")) return;
    if (form.querySelector("[type=file]")) return;
    event.preventDefault();
    send(form, submitter);
  });
}

async function send(form, submitter) {
  const action = form.getAttribute("action");
  const card = form.closest(`${CARDS}, .next-step`);
  let answer;
  try {
    const body = new FormData(form, submitter);
    answer = await answerIn(await fetch(action, { method: "POST", body }));
    if (answer && !answer.isHere) answer.page = await stayAfter(answer);
  } catch {
    form.ariaBusy = null;
    addMessage(gettext("This was not sent. Check the network and press again."), "error");
    return;
  }
  if (!answer) {
    sendByHand(form, submitter);
    return;
  }
  if (!answer.page) return;
  const refusal = answer.page.querySelector(".message[data-level=error] .message__text");
  if (!refusal) putAway(form);
  const isFocused = card?.contains(document.activeElement);
  renew(answer.page, card);
  form.ariaBusy = null;
  if (!card?.isConnected) return;
  const isStillOffered = [...card.querySelectorAll("form")].some(
    (other) => other.getAttribute("action") === action,
  );
  if (refusal && !isStillOffered) sayThere(card, refusal.textContent);
  else if (isFocused && !form.isConnected) focusNext(card);
}

/** A step led to another page: stay here, and say here what was said there. */
async function stayAfter({ page, address }) {
  const here = await readPage();
  if (here) here.querySelector(".messages").append(...page.querySelectorAll(".message"));
  else location.assign(address); // nothing is here any more
  return here;
}

/** Let the browser send it: signed out, gone, or a fault, the server's page says it. */
function sendByHand(form, submitter) {
  if (submitter?.name) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = submitter.name;
    field.value = submitter.value;
    form.append(field);
  }
  HTMLFormElement.prototype.submit.call(form);
}

/** Close what asked for the step, so that nobody seems to be at work there. */
function putAway(form) {
  form.reset();
  for (let at = form.closest("details"); at; at = at.parentElement.closest("details")) {
    at.open = false;
  }
}

/** Where the button was, say who was first. */
function sayThere(card, words) {
  card.querySelector(".too-late")?.remove();
  const line = document.createElement("p");
  line.className = "too-late";
  line.tabIndex = -1;
  line.textContent = words;
  const place = card.querySelector(".part-card__steps, .work-row__step, .next-step__more");
  (place ?? card).prepend(line);
  line.focus({ preventScroll: true });
}

function focusNext(card) {
  const next = card.querySelector(".button--main") ?? card.querySelector("a[href], button");
  next?.focus({ preventScroll: true });
}
