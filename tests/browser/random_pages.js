// Pages as they might be, one after another, on a page that people and scripts change.

const IDS = ["a", "b", "c", "d", "e", "f", "g"];
const TAGS = ["div", "section", "details", "article"];
const CLASSES = ["part-card", "work-row", "other"];

/** Numbers that are the same for the same seed: below `most`, each time another. */
function dice(seed) {
  let state = seed;
  return (most) => {
    state = (state * 1664525 + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
}

function randomPage(roll) {
  const ids = [...IDS];
  const main = document.createElement("main");
  main.id = "main";
  for (let n = 2 + roll(4); n; n--) main.append(randomElement(roll, ids, 3));
  return read(main.outerHTML);
}

function read(main) {
  const page = new DOMParser().parseFromString(`<!doctype html>${main}`, "text/html");
  return page.getElementById("main");
}

function randomElement(roll, ids, depth) {
  const element = document.createElement(TAGS[roll(TAGS.length)]);
  if (!roll(3)) element.className = CLASSES[roll(CLASSES.length)];
  if (!roll(4)) element.title = `title ${roll(3)}`;
  if (roll(2) && ids.length) element.id = ids.splice(roll(ids.length), 1)[0];
  for (let n = depth && roll(4); n; n--) element.append(randomNode(roll, ids, depth - 1));
  element.normalize();
  return element;
}

function randomNode(roll, ids, depth) {
  switch (roll(5)) {
    case 0:
      return `word ${roll(3)}`;
    case 1:
      return document.createComment(roll(3));
    case 2: {
      const field = document.createElement("input");
      field.name = `field-${roll(2)}`;
      field.setAttribute("value", roll(3));
      return field;
    }
    default:
      return randomElement(roll, ids, depth);
  }
}

/** Open, close and type here and there. */
function use(live, roll) {
  const all = [...live.querySelectorAll("details, input")];
  for (let n = all.length && roll(3); n; n--) {
    const one = all[roll(all.length)];
    if (one.localName === "details") one.open = !one.open;
    else one.value = "typed";
  }
}

function leave(live) {
  for (const one of live.querySelectorAll("details")) one.open = false;
  for (const one of live.querySelectorAll("input")) one.value = one.defaultValue;
}

/** Return what went wrong on one page of `seed`, or null; `isUsed` if people use it. */
export function wrongWith({ remember, morph }, seed, isUsed) {
  const roll = dice(seed);
  const live = document.importNode(randomPage(roll), true);
  document.body.replaceChildren(live);
  let sent = remember(live);
  for (let round = 0; round < 6; round++) {
    if (isUsed) use(live, roll);
    const fresh = randomPage(roll);
    const wanted = fresh.outerHTML;
    // Now and then nothing has changed, and the page is read all the same.
    for (let times = 1 + roll(2); times; times--) sent = morph(sent, read(wanted)).sent;
    if (!isUsed && !live.isEqualNode(read(wanted))) {
      return { seed, round, wanted, is: live.outerHTML };
    }
  }
  if (!isUsed) return null;
  const last = randomPage(roll).outerHTML.replaceAll(' open=""', "");
  // Whoever closes a thing may find another open below it.
  for (let times = 0; times < 4; times++) {
    leave(live);
    sent = morph(sent, read(last)).sent;
  }
  const is = live.outerHTML.replaceAll(/ data-meanwhile="[^"]*"| open=""/g, "");
  return read(is).isEqualNode(read(last)) ? null : { seed, wanted: last, is };
}
