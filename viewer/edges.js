// The true edges of a CAD model, found in its triangles.
//
// The mesher never shares a vertex between two B-rep faces. So an edge of a
// triangle that occurs once in the index lies on the border of its face, and
// borders of neighbours meet in the very same points, to the bit (17 real files).
// No angle has to be guessed, which would lose shallow edges and invent others
// on coarse curves.

// Cosine of the angle between normals below which two faces meet in a crease:
// about 11 degrees, since a coarse fillet ends a little off its neighbour.
const SMOOTH = 0.98;

export const NONE = -1;

/**
 * Find the edges between B-rep faces.
 *
 * Returns `{sharp, smooth}`, two arrays of end points, six numbers a segment:
 * creases, and the borders where one face runs into the next without one. The
 * seam of a face that closes on itself, as round a cylinder, is neither; nor are
 * those of a cylinder in two halves, as some CAD systems write every hole.
 *
 * @param {object} solid as `readGlb` returns it
 */
export function findEdges(solid) {
  const { positions, normals, faces, surfaces } = solid;
  const { borders, points, twins } = traceBorders(solid);
  const sharp = new Segments(positions, borders.length);
  const smooth = new Segments(positions, borders.length);
  for (let edge = 0; edge < borders.length; edge++) {
    const twin = twins[edge];
    if (twin < edge && twin !== NONE) continue; // drawn with its first half
    const [a, b] = borders.ends(edge);
    if (points[a] === points[b]) continue; // the tip of a cone
    if (twin === NONE || !isSmooth(edge, twin)) sharp.add(a, b);
    else if (!isSeam(edge, twin)) smooth.add(a, b);
  }
  return { sharp: sharp.done(), smooth: smooth.done() };

  function isSmooth(edge, twin) {
    const [a, b] = borders.ends(edge);
    const [c, d] = borders.ends(twin);
    const [across, along] = points[a] === points[c] ? [c, d] : [d, c];
    return dot(normals, a, across) > SMOOTH && dot(normals, b, along) > SMOOTH;
  }

  function isSeam(edge, twin) {
    if (!faces) return false;
    const a = faces[borders.triangles[edge]];
    const b = faces[borders.triangles[twin]];
    return a === b || isSameCylinder(surfaces[a], surfaces[b]);
  }
}

/** Whether the faces of a solid leave no gap. */
export function isClosed(solid) {
  const { borders, points, twins } = traceBorders(solid);
  for (let edge = 0; edge < borders.length; edge++) {
    const [a, b] = borders.ends(edge);
    if (twins[edge] === NONE && points[a] !== points[b]) return false;
  }
  return true;
}

/**
 * Find the borders of all faces, each half by itself.
 *
 * Returns `{borders, points, twins}`: for each vertex of a border the number of the
 * first one at its place, and for each border the one of the neighbour or NONE.
 */
export function traceBorders({ positions, index }) {
  const borders = findBorders(index, positions.length / 3);
  const points = weld(positions, borders);
  return { borders, points, twins: pair(borders, points) };
}

/** Whether two faces lie on one cylinder: same radius, same line for an axis. */
export function isSameCylinder(a, b) {
  if (a?.type !== "cylinder" || b?.type !== "cylinder") return false;
  const [x, y, z] = a.axis;
  const [u, v, w] = b.origin.map((value, i) => value - a.origin[i]);
  const apart = Math.hypot(y * w - z * v, z * u - x * w, x * v - y * u);
  const along = Math.abs(x * b.axis[0] + y * b.axis[1] + z * b.axis[2]);
  const slack = 1e-4 * a.radius; // metres, as all lengths here
  return Math.abs(a.radius - b.radius) < slack && apart < slack && along > 0.999999;
}

/** Edges of triangles: two vertices and a triangle each. */
class Borders {
  constructor(size) {
    this.length = 0;
    this.vertices = new Uint32Array(2 * size);
    this.triangles = new Uint32Array(size);
  }

  add(a, b, triangle) {
    this.vertices[2 * this.length] = a;
    this.vertices[2 * this.length + 1] = b;
    this.triangles[this.length++] = triangle;
  }

  ends(edge) {
    return [this.vertices[2 * edge], this.vertices[2 * edge + 1]];
  }
}

/** Growing list of line segments, as positions. */
class Segments {
  #from;
  #to;
  #length = 0;

  constructor(positions, size) {
    this.#from = positions;
    this.#to = new Float32Array(6 * size);
  }

  add(a, b) {
    for (const vertex of [a, b]) {
      for (let axis = 0; axis < 3; axis++) {
        this.#to[this.#length++] = this.#from[3 * vertex + axis];
      }
    }
  }

  done() {
    return this.#to.slice(0, this.#length);
  }
}

/**
 * Pick the edges that occur once in the index.
 *
 * A counting sort by the lower vertex brings equal edges together; then marks
 * on the upper one find those that come again. Linear, and no hashing.
 */
function findBorders(index, vertexCount) {
  const { starts, uppers, triangles } = sortByLower(index, vertexCount);
  const borders = new Borders(index.length);
  const first = new Int32Array(vertexCount); // where this upper vertex was met
  const single = new Uint8Array(uppers.length).fill(1);
  const met = new Int32Array(vertexCount).fill(NONE); // and with which lower one
  for (let lower = 0; lower < vertexCount; lower++) {
    for (let at = starts[lower]; at < starts[lower + 1]; at++) {
      const upper = uppers[at];
      if (met[upper] === lower) {
        single[at] = single[first[upper]] = 0;
      } else {
        met[upper] = lower;
        first[upper] = at;
      }
    }
    for (let at = starts[lower]; at < starts[lower + 1]; at++) {
      if (single[at]) borders.add(lower, uppers[at], triangles[at]);
    }
  }
  return borders;
}

function sortByLower(index, vertexCount) {
  const starts = new Uint32Array(vertexCount + 1);
  eachEdge(index, (lower) => starts[lower + 1]++);
  for (let i = 0; i < vertexCount; i++) starts[i + 1] += starts[i];
  const next = starts.slice();
  const uppers = new Uint32Array(starts[vertexCount]);
  const triangles = new Uint32Array(starts[vertexCount]);
  eachEdge(index, (lower, upper, triangle) => {
    const at = next[lower]++;
    uppers[at] = upper;
    triangles[at] = triangle;
  });
  return { starts, uppers, triangles };
}

function eachEdge(index, visit) {
  for (let corner = 0; corner < index.length; corner++) {
    const triangle = Math.floor(corner / 3);
    const a = index[corner];
    const b = index[corner % 3 === 2 ? corner - 2 : corner + 1];
    if (a < b) visit(a, b, triangle);
    else if (b < a) visit(b, a, triangle);
  }
}

/** Give every vertex of `borders` the number of the first one at its place. */
function weld(positions, borders) {
  const points = new Int32Array(positions.length / 3).fill(NONE);
  const table = new Table(2 * borders.length);
  const bits = new Int32Array(positions.buffer, positions.byteOffset, positions.length);
  const isSame = (a, b) =>
    bits[3 * a] === bits[3 * b] &&
    bits[3 * a + 1] === bits[3 * b + 1] &&
    bits[3 * a + 2] === bits[3 * b + 2];
  for (let end = 0; end < 2 * borders.length; end++) {
    const vertex = borders.vertices[end];
    if (points[vertex] !== NONE) continue;
    const hash = mix(bits[3 * vertex], bits[3 * vertex + 1], bits[3 * vertex + 2]);
    points[vertex] = table.find(hash, vertex, isSame);
  }
  return points;
}

/** For each border the one of the neighbouring face, or NONE. */
function pair(borders, points) {
  const twins = new Int32Array(borders.length).fill(NONE);
  const table = new Table(borders.length);
  const isSame = (a, b) => {
    const [a1, a2] = borders.ends(a);
    const [b1, b2] = borders.ends(b);
    return (
      (points[a1] === points[b1] && points[a2] === points[b2]) ||
      (points[a1] === points[b2] && points[a2] === points[b1])
    );
  };
  for (let edge = 0; edge < borders.length; edge++) {
    const [a, b] = borders.ends(edge);
    const low = Math.min(points[a], points[b]);
    const first = table.find(mix(low, Math.max(points[a], points[b]), 0), edge, isSame);
    if (first === edge || twins[first] !== NONE) continue;
    twins[edge] = first;
    twins[first] = edge;
  }
  return twins;
}

/** Open addressing over numbers; JavaScript's Map would take ten times as long. */
class Table {
  #slots;
  #mask;

  constructor(count) {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2));
    this.#slots = new Int32Array(size).fill(NONE);
    this.#mask = size - 1;
  }

  /** Return the equal item stored before, or store `item` and return it. */
  find(hash, item, isSame) {
    let slot = hash & this.#mask;
    while (this.#slots[slot] !== NONE) {
      if (isSame(this.#slots[slot], item)) return this.#slots[slot];
      slot = (slot + 1) & this.#mask;
    }
    this.#slots[slot] = item;
    return item;
  }
}

function mix(a, b, c) {
  let hash = Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca6b);
  hash ^= Math.imul(c, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x27d4eb2f);
  return hash ^ (hash >>> 13);
}

function dot(normals, a, b) {
  return (
    normals[3 * a] * normals[3 * b] +
    normals[3 * a + 1] * normals[3 * b + 1] +
    normals[3 * a + 2] * normals[3 * b + 2]
  );
}
