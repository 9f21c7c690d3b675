// A coarser picture of a model, for as long as it moves and drawing it costs too much.
//
// Software rendering takes some 3 microseconds a triangle (SwiftShader, measured), so
// 300 000 of them take a second a frame. Vertices that lie in one cell of a grid become one
// of them; only the index is new, so a coarse solid costs next to no memory.

const GROWTH = 1.4; // of the cells, until few enough triangles are left
const TRIES = 12;
const CELLS = 1024; // along each axis, as many as ten bits of a key can tell

/**
 * Find an index for each solid so that all of them together have at most `limit`
 * triangles, or hardly more where the solids are very many.
 *
 * @param {Map<object, number>} solids as `readGlb` returns them, and how often each is
 *   there
 * @param {number} limit
 * @returns {Map<object, Uint32Array>}
 */
export function coarsen(solids, limit) {
  let cell = startOf(solids);
  for (let tries = 0; ; tries++, cell *= GROWTH) {
    const indices = new Map();
    let count = 0;
    for (const [solid, times] of solids) {
      const index = clusterIndex(solid, cell);
      indices.set(solid, index);
      count += (times * index.length) / 3;
    }
    if (count <= limit || tries === TRIES) return indices;
  }
}

/** A cell that the largest solid has some sixty of, side by side. */
function startOf(solids) {
  let largest = 0;
  for (const { positions } of solids.keys()) {
    const [low, high] = limitsOf(positions);
    largest = Math.max(largest, ...high.map((value, axis) => value - low[axis]));
  }
  return largest / 60;
}

function clusterIndex({ positions, index }, cell) {
  const [low, high] = limitsOf(positions);
  const size = Math.max(cell, ...high.map((value, i) => (value - low[i]) / CELLS));
  const cells = new Map();
  const stands = new Uint32Array(positions.length / 3);
  for (let vertex = 0; vertex < stands.length; vertex++) {
    let key = 0;
    for (let axis = 0; axis < 3; axis++) {
      key = key * CELLS + Math.floor((positions[3 * vertex + axis] - low[axis]) / size);
    }
    const first = cells.get(key);
    if (first === undefined) cells.set(key, vertex);
    stands[vertex] = first ?? vertex;
  }
  const kept = new Uint32Array(index.length);
  let length = 0;
  for (let corner = 0; corner < index.length; corner += 3) {
    const a = stands[index[corner]];
    const b = stands[index[corner + 1]];
    const c = stands[index[corner + 2]];
    if (a === b || b === c || c === a) continue;
    kept[length++] = a;
    kept[length++] = b;
    kept[length++] = c;
  }
  return kept.slice(0, length);
}

function limitsOf(positions) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < positions.length; i++) {
    const axis = i % 3;
    if (positions[i] < low[axis]) low[axis] = positions[i];
    if (positions[i] > high[axis]) high[axis] = positions[i];
  }
  return [low, high];
}
