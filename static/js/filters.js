// Sends the filters as soon as something is chosen.

/** Make forms marked `data-filters` send themselves. */
export function filterAtOnce(root) {
  for (const form of root.querySelectorAll("form[data-filters]")) {
    form.dataset.sendsItself = "";
    form.addEventListener("change", ({ target }) => {
      if (target.type !== "search") form.requestSubmit();
    });
    // Empty fields, and what a button overrules, only make the address long.
    form.addEventListener("formdata", ({ formData }) => {
      for (const name of new Set(formData.keys())) {
        const last = formData.getAll(name).at(-1);
        if (last) formData.set(name, last);
        else formData.delete(name);
      }
    });
  }
}
