// Draws an icon of the sprite, as the template tag does.

const SVG = "http://www.w3.org/2000/svg";

/** Return the icon `name`; the sprite is where the page's other icons are from. */
export function drawIcon(name) {
  const [sprite] = document.querySelector(".icon use").getAttribute("href").split("#");
  const icon = document.createElementNS(SVG, "svg");
  icon.setAttribute("class", "icon");
  icon.setAttribute("aria-hidden", "true");
  icon.dataset.icon = name;
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${sprite}#${name}`);
  icon.append(use);
  return icon;
}
