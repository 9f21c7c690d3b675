// Reasons to tick: each tick puts its sentence into the field, to be worded anew.

/** Let the ticks of `root` write into the field below them. */
export function wishInWords(root) {
  root.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-wishes] input")) return;
    const field = target.form.elements.reason;
    const lines = field.value.split("\n").filter((line) => line.trim() && line !== target.value);
    if (target.checked) lines.push(target.value);
    field.value = lines.join("\n");
  });
  // What the field says is sent; the ticks would say it a second time.
  root.addEventListener("formdata", ({ target, formData }) => {
    if (target.querySelector("[data-wishes]")) formData.delete("wish");
  });
}
