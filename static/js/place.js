// Keeps the place on a board when a step leads back to it.

const KEY = "place";

/** Remember how far `root` was scrolled when a step is sent, and go back there. */
export function keepPlace(root) {
  root.addEventListener("submit", ({ target }) => {
    if (target.closest(".part-card, .work-row")) {
      sessionStorage.setItem(KEY, JSON.stringify([pathOf(location), scrollY]));
    }
  });
  const [path, top] = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
  sessionStorage.removeItem(KEY);
  if (path === pathOf(location)) scrollTo({ top, behavior: "instant" });
}

function pathOf({ pathname, search }) {
  return pathname + search;
}
