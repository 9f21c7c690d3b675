// The words of the scripts, in the reader's language.
//
// Django's catalogue is on the page where the language has one (base.html); in
// English there is none, and the words in the code are the words shown.

const catalogue = globalThis.django ?? {};

/** Return `text` in the reader's language. */
export function gettext(text) {
  return catalogue.gettext?.(text) ?? text;
}

/** Return the form of a text that fits `count`. */
export function ngettext(one, many, count) {
  return catalogue.ngettext?.(one, many, count) ?? (count === 1 ? one : many);
}

/** Put `values` where `text` has `%(name)s`. */
export function interpolate(text, values) {
  return text.replace(/%\((\w+)\)s/g, (_, name) => values[name]);
}
