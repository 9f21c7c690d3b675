// Marks the words that were looked for, without touching the page's nodes.

const NAME = "hit";
const PLACES = ".part-card__body, [data-hits]";

/** Mark the words of `text` in what was found in `root`; a browser that cannot, does not. */
export function markHits(root, text) {
  if (!globalThis.Highlight) return;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const ranges = words.length ? [...root.querySelectorAll(PLACES)].flatMap((place) => rangesIn(place, words)) : [];
  CSS.highlights.set(NAME, new Highlight(...ranges));
}

function rangesIn(place, words) {
  const ranges = [];
  const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode;
    const text = node.data.toLowerCase();
    // Few letters change their length in lower case; then nothing is marked.
    if (text.length !== node.data.length) continue;
    for (const word of words) {
      for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + word.length)) {
        const range = new Range();
        range.setStart(node, at);
        range.setEnd(node, at + word.length);
        ranges.push(range);
      }
    }
  }
  return ranges;
}
