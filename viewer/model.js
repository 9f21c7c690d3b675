// From what the GLB holds to what three draws.

import {
  BackSide,
  Box3,
  BufferAttribute,
  BufferGeometry,
  Color,
  DoubleSide,
  Group,
  LineBasicMaterial,
  LineSegments,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  Quaternion,
  ShaderMaterial,
  Sphere,
  SRGBColorSpace,
  Vector2,
  Vector3,
} from "three";

import { coarsen } from "./coarse.js";
import { findEdges } from "./edges.js";
import { BrokenModel } from "./errors.js";

const MM_PER_M = 1000;
const PLAIN = new Color().setRGB(0.8, 0.82, 0.845, SRGBColorSpace);
// sRGB, as in the thumbnail: on a black part no edge would show, and on a white
// one no shade.
const DARKEST = 0.2;
const LIGHTEST = 0.92;
export const BEHIND_EDGES = {
  polygonOffset: true,
  polygonOffsetFactor: 1,
  polygonOffsetUnits: 1,
};
// Outlines draw every triangle once more; a model so large has edges enough.
const MOST_OUTLINED = 1_500_000;
// What a movement is drawn with where all of it takes too long.
const MOST_MOVED = 3_500; // triangles
const MOST_EDGES = 6_000; // segments
const SAMPLES = 60_000; // points that stand for the model when it is fitted
// What the colour of a marked piece is mixed with, and how much of it.
const MARK = new Color().setRGB(0.16, 0.36, 0.86, SRGBColorSpace);
const PALE = new Color().setRGB(0.86, 0.865, 0.87, SRGBColorSpace);
const MARKS = {
  hover: [MARK, 0.45],
  selected: [MARK, 0.7],
  faded: [PALE, 0.7],
  plain: [PLAIN, 1],
};

/**
 * Build a model, in millimetres with Z up.
 *
 * @param {{nodes: object[]}} glb as `readGlb` returns it
 * @throws {BrokenModel} without a single triangle or with a box that is no box
 */
export function buildModel(glb) {
  const model = new Model();
  for (const node of glb.nodes) model.add(node);
  model.close();
  return model;
}

/** What is drawn. Fires "shift" when pieces move, "hide" when some go or come back. */
class Model extends EventTarget {
  root = new Group();
  /** Around all of it, as it stands now. */
  sphere = new Sphere();
  /** The same, as a box. */
  box = new Box3();
  /** Some points of what is to be seen, in the world, three numbers each. */
  points = new Float32Array();
  triangles = 0;
  meshes = []; // what can be pointed at; each knows its `userData` `{solid, body}`
  fine = new Set(); // what else is not drawn while too much would move
  inkColor = null; // of edges, in the theme
  planes = []; // that cut the model, in the world; what lies behind them is gone
  /** Each piece there is, in the order of the file. */
  bodies = [];
  /** `{name, body, children}` of each root: an assembly has no body of its own. */
  tree = [];

  #paint = new Paint(this.planes);
  #shapes = new Map(); // solid -> geometries, shared by all its instances
  #attributes = new Map();
  #edges = [];
  #hasEdges = true;
  #isSimple = false;
  #simple = null; // solid -> geometry of few triangles

  constructor() {
    super();
    this.root.scale.setScalar(MM_PER_M);
  }

  /** Whether edges are shown. */
  get edges() {
    return this.#hasEdges;
  }

  set edges(visible) {
    this.#hasEdges = visible;
    this.#showEdges();
  }

  /** Find what a movement is drawn with, so that the first need not wait for it. */
  prepare() {
    if (this.triangles > MOST_MOVED) this.#simple ??= this.#coarsen();
  }

  /** Draw less than there is, or all again. */
  simplify(isSimple) {
    if (isSimple === this.#isSimple) return;
    this.#isSimple = isSimple;
    this.#showEdges();
    if (this.triangles <= MOST_MOVED) return;
    if (isSimple) this.prepare();
    this.#paint.flatten(isSimple);
    for (const object of this.fine) object.visible = !isSimple;
    for (const mesh of this.meshes) {
      const { solid } = mesh.userData;
      mesh.geometry = isSimple
        ? this.#simple.get(solid)
        : this.#shapes.get(solid).faces;
    }
  }

  /** Draw edges in `color`. */
  ink(color) {
    this.inkColor = color;
    this.#paint.ink(color);
  }

  /** Take the size of the frame in CSS pixels, for the width of the outline. */
  frame(width, height) {
    this.#paint.frame(width, height);
  }

  /** Leave these bodies out of the picture, and no others. */
  hide(bodies) {
    const hidden = new Set(bodies);
    for (const body of this.bodies) body.root.visible = !hidden.has(body);
    this.#settle();
    this.dispatchEvent(new Event("hide"));
  }

  /** Move every body by a vector of the world, in millimetres. */
  shift(offsetOf) {
    for (const body of this.bodies) body.shift(offsetOf(body));
    this.#settle();
    this.dispatchEvent(new Event("shift"));
  }

  /** Colour the bodies: `kindOf(body)` is one of MARKS, or nothing. */
  mark(kindOf) {
    for (const body of this.bodies) body.mark(kindOf(body), this.#paint);
  }

  add(node) {
    this.tree.push(...this.#place(node, this.root));
  }

  close() {
    this.root.updateMatrixWorld(true);
    const count = this.bodies.reduce((sum, { vertices }) => sum + vertices, 0);
    const step = Math.ceil(count / SAMPLES);
    for (const body of this.bodies) body.measure(step);
    this.#settle();
    if (!this.triangles || !(this.sphere.radius > 0 && this.sphere.radius < Infinity)) {
      throw new BrokenModel("nothing to see");
    }
    if (this.triangles > MOST_OUTLINED) this.#dropOutlines();
  }

  dispose() {
    for (const { faces, sharp, smooth } of this.#shapes.values()) {
      for (const geometry of [faces, sharp, smooth]) geometry.dispose();
    }
    for (const geometry of this.#simple?.values() ?? []) geometry.dispose();
    this.#paint.dispose();
  }

  #settle() {
    this.box.makeEmpty();
    for (const body of this.bodies) this.box.union(body.box);
    this.box.getBoundingSphere(this.sphere);
    const shown = this.bodies.filter((body) => body.root.visible);
    this.points = pointsOf(shown.length ? shown : this.bodies);
  }

  /** Put a node where it belongs; returns its branch of the tree, unless it is bare. */
  #place(node, parent) {
    const group = new Group();
    group.name = node.name;
    setTransform(group, node);
    parent.add(group);
    const body = node.solids.length ? this.#embody(node, group) : null;
    const children = node.children.flatMap((child) => this.#place(child, group));
    return body || children.length ? [{ name: node.name, body, children }] : [];
  }

  #embody(node, group) {
    const body = new Body(this.bodies.length, node);
    group.add(body.root);
    for (const solid of node.solids) this.#draw(solid, body);
    this.bodies.push(body);
    return body;
  }

  #draw(solid, body) {
    const shape = this.#shape(solid);
    const faces = new Mesh(shape.faces, this.#paint.faces(solid));
    const sharp = new LineSegments(shape.sharp, this.#paint.sharp);
    const smooth = new LineSegments(shape.smooth, this.#paint.smooth);
    faces.name = solid.name;
    this.triangles += solid.index.length / 3;
    faces.userData = { solid, body, geometry: shape.faces, material: faces.material };
    this.meshes.push(faces);
    const edges = [sharp, smooth];
    // Glass would show what looks out from behind it, through and through.
    if (solid.opacity === 1) edges.push(new Mesh(shape.faces, this.#paint.outline));
    this.#edges.push(...edges);
    body.root.add(faces, ...edges);
    body.meshes.push(faces);
  }

  /** Outlines draw all triangles once more, so they go first. */
  #showEdges() {
    const keepsLines = this.#segments < MOST_EDGES;
    for (const object of this.#edges) {
      const isKept = !this.#isSimple || (!object.isMesh && keepsLines);
      object.visible = this.#hasEdges && isKept;
    }
  }

  get #segments() {
    const lines = this.#edges.filter(({ isLineSegments }) => isLineSegments);
    return lines.reduce(
      (sum, { geometry }) => sum + geometry.attributes.position.count / 2,
      0,
    );
  }

  #coarsen() {
    const times = new Map();
    for (const { userData } of this.meshes) {
      times.set(userData.solid, (times.get(userData.solid) ?? 0) + 1);
    }
    const simple = new Map();
    for (const [solid, index] of coarsen(times, MOST_MOVED)) {
      const { positions, normals } = solid;
      simple.set(
        solid,
        this.#geometry({ position: positions, normal: normals }, index),
      );
    }
    return simple;
  }

  #dropOutlines() {
    for (const object of this.#edges.filter(({ isMesh }) => isMesh)) {
      object.removeFromParent();
    }
    this.#edges = this.#edges.filter(({ isMesh }) => !isMesh);
  }

  #shape(solid) {
    if (!this.#shapes.has(solid)) {
      const { positions, normals, index } = solid;
      const { sharp, smooth } = findEdges(solid);
      this.#shapes.set(solid, {
        faces: this.#geometry({ position: positions, normal: normals }, index),
        sharp: this.#geometry({ position: sharp }),
        smooth: this.#geometry({ position: smooth }),
      });
    }
    return this.#shapes.get(solid);
  }

  #geometry(arrays, index) {
    const geometry = new BufferGeometry();
    for (const [name, array] of Object.entries(arrays)) {
      geometry.setAttribute(name, this.#attribute(array));
    }
    if (index) geometry.setIndex(new BufferAttribute(index, 1));
    return geometry;
  }

  /** One attribute an array, so that it lies on the graphics card but once. */
  #attribute(array) {
    if (!this.#attributes.has(array)) {
      this.#attributes.set(array, new BufferAttribute(array, 3));
    }
    return this.#attributes.get(array);
  }
}

/** One piece: what a node of the file shows by itself. */
class Body {
  root = new Group();
  meshes = []; // one for each colour
  box = new Box3(); // in the world, where it is now
  home = new Box3(); // and where the file has it

  #points;
  #offset = new Vector3();
  #veils = [];

  /**
   * @param {number} index among the bodies of its model
   * @param {object} node of the GLB
   */
  constructor(index, { name, solids }) {
    this.index = index;
    this.name = name;
    this.product = solids[0].name || name;
    this.root.matrixAutoUpdate = false;
  }

  get vertices() {
    return this.meshes.reduce((sum, mesh) => sum + vertices(mesh).count, 0);
  }

  get points() {
    const moved = this.#points.slice();
    const offset = this.#offset.toArray();
    for (let i = 0; i < moved.length; i++) moved[i] += offset[i % 3];
    return moved;
  }

  measure(step) {
    for (const mesh of this.meshes) this.home.expandByObject(mesh);
    this.box.copy(this.home);
    this.#points = samplePoints(this.meshes, step);
  }

  /** Go off its place by a vector of the world, in millimetres. */
  shift(offset) {
    this.#offset.copy(offset);
    const { matrixWorld } = this.root.parent;
    const origin = new Vector3().setFromMatrixPosition(matrixWorld);
    const inverse = matrixWorld.clone().invert();
    this.root.matrix.setPosition(origin.add(offset).applyMatrix4(inverse));
    this.root.updateMatrixWorld(true);
    this.box.copy(this.home).translate(offset);
  }

  mark(kind, paint) {
    for (const mesh of this.meshes) {
      mesh.material = paint.faces(mesh.userData.solid, kind);
    }
    for (const veil of this.#veils) veil.removeFromParent();
    if (kind !== "hover" && kind !== "selected") return;
    // What lies inside others shows through them.
    this.#veils = this.meshes.map((mesh) => {
      const veil = new Mesh(mesh.userData.geometry, paint.veil);
      veil.renderOrder = 1;
      veil.raycast = () => {}; // nothing to take hold of
      return veil;
    });
    this.root.add(...this.#veils);
  }
}

/** The materials; all instances of a colour share one, and all are cut alike. */
class Paint {
  sharp;
  smooth;
  outline;
  veil;

  #faces = new Map();
  #flat = { value: false }; // a uniform of all faces
  #cut;

  constructor(planes) {
    this.#cut = { clippingPlanes: planes };
    this.sharp = new LineBasicMaterial(this.#cut);
    this.smooth = new LineBasicMaterial({
      ...this.#cut,
      transparent: true,
      opacity: 0.35,
    });
    this.outline = outlineMaterial(this.#cut);
    this.veil = new MeshBasicMaterial({
      ...this.#cut,
      color: MARK,
      transparent: true,
      opacity: 0.14,
      depthTest: false,
      depthWrite: false,
    });
  }

  faces({ color, opacity }, mark) {
    const key = [color, opacity, mark].join();
    if (!this.#faces.has(key)) {
      const material = faceMaterial(color, opacity, this.#cut, this.#flat);
      if (mark) material.color.lerp(...MARKS[mark]);
      this.#faces.set(key, material);
    }
    return this.#faces.get(key);
  }

  ink(color) {
    this.sharp.color = this.smooth.color = this.outline.uniforms.color.value = color;
  }

  /** Light faces by their triangles, and not by their normals. */
  flatten(isFlat) {
    this.#flat.value = isFlat;
  }

  frame(width, height) {
    this.outline.uniforms.pixel.value.set(2 / width, 2 / height);
  }

  dispose() {
    const { sharp, smooth, outline, veil } = this;
    const all = [sharp, smooth, outline, veil, ...this.#faces.values()];
    for (const material of all) material.dispose();
  }
}

function faceMaterial(color, opacity, cut, flat) {
  const material = new MeshLambertMaterial({
    ...BEHIND_EDGES,
    ...cut,
    color: color ? lift(new Color(...color)) : PLAIN,
    side: DoubleSide, // open shells exist, and their inside is to be seen
    transparent: opacity < 1,
    opacity,
    depthWrite: opacity === 1,
  });
  material.onBeforeCompile = (shader) => lightAsSeen(shader, flat);
  return material;
}

/**
 * Light every face as the side one sees. three asks the order of the corners
 * which side that is, and in tessellated AP242 files it is the wrong one. A coarse
 * model has no normals worth the name, and is lit by its triangles.
 */
function lightAsSeen(shader, flat) {
  const begin = "#include <normal_fragment_begin>";
  shader.uniforms.flatten = flat;
  shader.fragmentShader = shader.fragmentShader.replace(
    begin,
    `${begin}
    vec3 facing = cross(dFdx(vViewPosition), dFdy(vViewPosition));
    if (flatten) normal = normalize(facing);
    else if (dot(normal, facing) < 0.0) normal = -normal;`,
  );
  shader.fragmentShader = `uniform bool flatten;\n${shader.fragmentShader}`;
}

/** Keep the hue of a colour and bring it to where edges and shades can be seen. */
function lift(color) {
  const { r, g, b } = color.convertLinearToSRGB();
  const raise = (channel) => DARKEST + (LIGHTEST - DARKEST) * channel;
  return color.setRGB(raise(r), raise(g), raise(b), SRGBColorSpace);
}

/**
 * The outline of round shapes, which have no CAD edge where they turn away: the
 * back of the model, one pixel larger, looks out from behind its front.
 */
function outlineMaterial(cut) {
  return new ShaderMaterial({
    ...BEHIND_EDGES,
    ...cut,
    clipping: true,
    side: BackSide,
    uniforms: { color: { value: null }, pixel: { value: new Vector2() } },
    vertexShader: `
      uniform vec2 pixel;
      #include <clipping_planes_pars_vertex>
      void main() {
        vec2 outward = (normalMatrix * normal).xy;
        vec4 mvPosition = modelViewMatrix * vec4(position, 1.0);
        gl_Position = projectionMatrix * mvPosition;
        gl_Position.xy += pixel * outward / max(length(outward), 0.1);
        // Behind the face itself, whose inside shows where a shell is open.
        gl_Position.z += 0.002;
        #include <clipping_planes_vertex>
      }`,
    fragmentShader: `
      uniform vec3 color;
      #include <clipping_planes_pars_fragment>
      void main() {
        #include <clipping_planes_fragment>
        gl_FragColor = vec4(color, 1.0);
        #include <colorspace_fragment>
      }`,
  });
}

function setTransform(object, { matrix, translation, rotation, scale }) {
  object.matrixAutoUpdate = false;
  if (matrix) {
    object.matrix.fromArray(matrix);
  } else {
    object.matrix.compose(
      new Vector3(...(translation ?? [0, 0, 0])),
      new Quaternion(...(rotation ?? [0, 0, 0, 1])),
      new Vector3(...(scale ?? [1, 1, 1])),
    );
  }
}

/** Every so many points of some meshes, in the world, three numbers each. */
function samplePoints(meshes, step) {
  const points = [];
  const point = new Vector3();
  for (const mesh of meshes) {
    for (let i = 0; i < vertices(mesh).count; i += step) {
      point.fromBufferAttribute(vertices(mesh), i).applyMatrix4(mesh.matrixWorld);
      points.push(point.x, point.y, point.z);
    }
  }
  return new Float32Array(points);
}

function pointsOf(bodies) {
  const all = bodies.map(({ points }) => points);
  const whole = new Float32Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const points of all) {
    whole.set(points, at);
    at += points.length;
  }
  return whole;
}

function vertices(mesh) {
  return mesh.geometry.attributes.position;
}
