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
  document.querySelector(".give-dialog")?.remove();
  const dialog = document.createElement("dialog");
  dialog.className = "give-dialog";
  dialog.setAttribute("aria-label", give.querySelector("h1").textContent);
  dialog.append(give);
  dialog.addEventListener("click", (event) => {
    const isAway = event.target === dialog || event.target.closest(".give__back");
    if (!isAway) return;
    event.preventDefault();
    dialog.close();
  });
  // It stays in the page, unseen: what is being sent may have to be sent again.
  dialog.addEventListener("submit", () => setTimeout(() => dialog.close()));
  const menu = link.closest("details.menu");
  if (menu) menu.open = false;
  const opener = menu?.querySelector("summary") ?? link;
  dialog.addEventListener("close", () => opener.focus({ preventScroll: true }));
  document.getElementById("main").append(dialog);
  dialog.showModal();
}
