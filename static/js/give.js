// Opens the page that asks to whom a part is given over the one that is open.

/** Make links marked `data-give` in `root` open a dialog; without it they lead to a page. */
export function giveInPlace(root) {
  root.addEventListener("click", async (event) => {
    const link = event.target.closest?.("a[data-give]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      open(await read(link.href), link);
    } catch {
      location.assign(link.href);
    }
  });
}

async function read(address) {
  const response = await fetch(address);
  if (response.redirected || !response.ok) throw new Error(`${response.status}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return document.importNode(page.getElementById("give"), true);
}

function open(give, link) {
  const dialog = document.createElement("dialog");
  dialog.className = "give-dialog";
  dialog.setAttribute("aria-label", give.querySelector("h1").textContent);
  dialog.append(give);
  dialog.addEventListener("click", (event) => {
    const away = event.target === dialog || event.target.closest(".give__back");
    if (!away) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    const menu = link.closest("details.menu");
    (menu?.querySelector("summary") ?? link).focus();
  });
  document.body.append(dialog);
  const menu = link.closest("details.menu");
  if (menu) menu.open = false;
  dialog.showModal();
}
