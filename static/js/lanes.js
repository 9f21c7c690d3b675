// Shows another lane at once where there is room for one; the address says which.

/** Make the tabs of lanes in `root` switch without loading the page. */
export function switchLanes(root) {
  if (!root.querySelector(".lane-tabs")) return;
  root.addEventListener("click", (event) => {
    const tab = event.target.closest?.(".lane-tabs__tab");
    if (!tab || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    history.replaceState(history.state, "", tab.href);
    show(root, tab.dataset.lane);
  });
  // A step that leads back to its card shows the lane where that stands.
  const lane = root.getElementById(location.hash.slice(1))?.closest(".lane");
  if (lane) show(root, lane.dataset.lane);
}

function show(root, name) {
  for (const tab of root.querySelectorAll(".lane-tabs__tab")) {
    if (tab.dataset.lane === name) tab.setAttribute("aria-current", "true");
    else tab.removeAttribute("aria-current");
  }
  for (const lane of root.querySelectorAll(".lane")) {
    lane.toggleAttribute("data-shown", lane.dataset.lane === name);
    // A step leads back to the lane where it was taken.
    for (const field of lane.querySelectorAll("input[name=next]")) {
      const back = new URL(field.value, location.href);
      back.searchParams.set("lane", lane.dataset.lane);
      field.value = back.pathname + back.search;
    }
  }
}
