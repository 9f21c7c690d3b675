// Draws one sprite, build/static/img/icons.svg, from the icons of the npm package
// @tabler/icons (MIT) that sprite.json names. Only these few of its thousands are
// ever sent, and the templates know our names, not the package's.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const root = new URL("../", import.meta.url);
const source = new URL("node_modules/@tabler/icons/", root);
const target = new URL("build/static/img/icons.svg", root);

const names = JSON.parse(await readFile(new URL("sprite.json", import.meta.url), "utf8"));
const licence = (await readFile(new URL("LICENSE", source), "utf8")).trim();
const symbols = await Promise.all(Object.entries(names).map(symbolOf));
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">
<!-- Tabler Icons.

${licence.replaceAll("--", "- -")}
-->
${symbols.join("\n")}
</svg>
`;
await mkdir(new URL("./", target), { recursive: true });
await writeFile(target, sprite);
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;
console.log(
  `build/static/img/icons.svg: ${symbols.length} icons, ${kilobytes(sprite.length)}, ` +
    `${kilobytes(gzipSync(sprite, { level: 9 }).length)} gzipped`,
);

async function symbolOf([name, icon]) {
  const text = await readFile(new URL(`icons/${icon}.svg`, source), "utf8").catch(() => {
    throw new Error(`icons/sprite.json: “${name}”: @tabler/icons has no ${icon}.svg`);
  });
  const shapes = [...text.matchAll(/<(path|circle|rect|line)\s[^>]*>/g)]
    .map(([shape]) => shape.replace(/\s+/g, " "))
    .filter((shape) => !shape.includes('stroke="none"')); // the empty square around all
  if (!shapes.length) throw new Error(`icons/sprite.json: ${icon}.svg holds no line`);
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.join("")}</symbol>`;
}
