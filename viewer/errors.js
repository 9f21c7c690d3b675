// Failures people can understand.

import { gettext } from "../static/js/words.js";

/**
 * Something that keeps the model from being shown. The message is a sentence
 * for the page; `remedy` names the one thing to press: "retry", "sign-in" or
 * null.
 */
export class ViewerError extends Error {
  constructor(message, { remedy = null, cause } = {}) {
    super(message, { cause });
    this.name = "ViewerError";
    this.remedy = remedy;
  }
}

/** The model's bytes are no GLB, or not one our conversion writes. */
export class BrokenModel extends ViewerError {
  constructor(cause) {
    super(gettext("This 3D model is damaged. Convert the STEP file again."), { cause });
  }
}
