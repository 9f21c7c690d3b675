// Bundles the viewer into build/static/viewer/viewer.js.
//
// Through esbuild's API and not its command line: the full text of the libraries'
// licences goes into the bundle, which a short @license comment does not meet.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const root = new URL("../", import.meta.url);
const target = fileURLToPath(new URL("build/static/viewer/viewer.js", root));
const licences = await Promise.all(["three", "three-mesh-bvh"].map(licenceOf));

await build({
  entryPoints: [fileURLToPath(new URL("viewer/main.js", root))],
  outfile: target,
  bundle: true,
  format: "esm",
  minify: true,
  target: "es2022",
  legalComments: "eof",
  banner: { js: licences.join("\n") },
  logLevel: "warning",
});

const bundle = await readFile(target);
const kilobytes = (bytes) => `${(bytes / 1024).toFixed(0)} KB`;
console.log(
  `build/static/viewer/viewer.js: ${kilobytes(bundle.length)}, ` +
    `${kilobytes(gzipSync(bundle, { level: 9 }).length)} gzipped`,
);

async function licenceOf(name) {
  const text = await readFile(new URL(`node_modules/${name}/LICENSE`, root), "utf8");
  return `/*! Contains ${name}.\n\n${text.trim()}\n*/`;
}
