// Reading the GLB files our conversion writes (parts/conversion/glb.py).
//
// three's own GLTFLoader costs 21 KB gzipped, most of it for textures, skins and
// animation that no STEP file has, and it drops the table of B-rep faces. What is
// read here is what we and cascadio write: one buffer, packed accessors, indexed
// triangles, plain colours.

import { BrokenModel } from "./errors.js";

const GLTF = 0x46546c67; // "glTF"
const JSON_CHUNK = 0x4e4f534a;
const BIN_CHUNK = 0x004e4942;
const TRIANGLES = 4;

const ARRAYS = {
  5121: Uint8Array,
  5123: Uint16Array,
  5125: Uint32Array,
  5126: Float32Array,
};
const WIDTHS = { SCALAR: 1, VEC3: 3 };

/**
 * Read a GLB: lengths in metres, Z up.
 *
 * Returns `{nodes}`, the roots of a tree of `{name, matrix, solids, children}`.
 * Equal parts share one `solid` object `{name, positions, normals, index, faces,
 * surfaces, color, opacity}`, whose arrays are views of `buffer`; the colours of
 * one part share `positions` and `normals`. `faces` numbers the B-rep face of each
 * triangle, `surfaces` tells its exact shape or null; `faces` and `color` (linear
 * RGB) can be null. Lines and points, which AP242 files bring along, are left out.
 *
 * @param {ArrayBuffer} buffer
 * @throws {BrokenModel}
 */
export function readGlb(buffer) {
  try {
    const { json, start } = openChunks(buffer);
    return { nodes: new Reader(json, buffer, start).roots() };
  } catch (error) {
    throw error instanceof BrokenModel ? error : new BrokenModel(error);
  }
}

function openChunks(buffer) {
  const view = new DataView(buffer);
  const length = view.getUint32(8, true);
  if (view.getUint32(0, true) !== GLTF || length > buffer.byteLength) {
    throw new BrokenModel("not a whole GLB");
  }
  const size = view.getUint32(12, true);
  const bin = 20 + size;
  if (
    view.getUint32(16, true) !== JSON_CHUNK ||
    view.getUint32(bin + 4, true) !== BIN_CHUNK
  ) {
    throw new BrokenModel("not the chunks of a GLB");
  }
  const text = new TextDecoder().decode(new Uint8Array(buffer, 20, size));
  return { json: JSON.parse(text), start: bin + 8 };
}

class Reader {
  #json;
  #buffer;
  #start;
  #solids = new Map();
  #arrays = new Map();

  constructor(json, buffer, start) {
    this.#json = json;
    this.#buffer = buffer;
    this.#start = start;
  }

  roots() {
    const { scene = 0, scenes } = this.#json;
    return scenes[scene].nodes.map((index) => this.#node(index));
  }

  #node(index) {
    const { name = "", mesh, children = [], ...place } = this.#json.nodes[index];
    return {
      name: name.trim(),
      ...placeOf(place),
      solids: mesh === undefined ? [] : this.#mesh(this.#json.meshes[mesh]),
      children: children.map((child) => this.#node(child)),
    };
  }

  #mesh({ name = "", primitives }) {
    return primitives
      .filter(({ mode = TRIANGLES }) => mode === TRIANGLES)
      .map((primitive) => this.#solid(name.trim(), primitive));
  }

  #solid(name, primitive) {
    const { attributes, indices, material, extensions } = primitive;
    const key = [attributes.POSITION, indices, material].join();
    if (!this.#solids.has(key)) {
      const { faceIndices, faces: surfaces = [] } = extensions?.TM_brep_faces ?? {};
      this.#solids.set(key, {
        name,
        positions: this.#array(attributes.POSITION),
        normals: this.#array(attributes.NORMAL),
        index: this.#array(indices),
        faces: faceIndices === undefined ? null : this.#array(faceIndices),
        surfaces,
        ...this.#paint(material),
      });
    }
    return this.#solids.get(key);
  }

  /** Colours of one part share its vertices, so an accessor is one array. */
  #array(index) {
    if (!this.#arrays.has(index)) this.#arrays.set(index, this.#open(index));
    return this.#arrays.get(index);
  }

  #open(index) {
    const accessor = this.#json.accessors[index];
    const view = this.#json.bufferViews[accessor.bufferView];
    const Type = ARRAYS[accessor.componentType];
    const width = WIDTHS[accessor.type];
    const { byteStride = width * Type.BYTES_PER_ELEMENT } = view;
    if (byteStride !== width * Type.BYTES_PER_ELEMENT) {
      throw new BrokenModel("interleaved accessors");
    }
    const offset = (view.byteOffset ?? 0) + (accessor.byteOffset ?? 0);
    return new Type(this.#buffer, this.#start + offset, accessor.count * width);
  }

  #paint(material) {
    const { baseColorFactor } =
      this.#json.materials?.[material]?.pbrMetallicRoughness ?? {};
    if (!baseColorFactor) return { color: null, opacity: 1 };
    return { color: baseColorFactor.slice(0, 3), opacity: baseColorFactor[3] ?? 1 };
  }
}

function placeOf({ matrix, translation, rotation, scale }) {
  return { matrix, translation, rotation, scale };
}
