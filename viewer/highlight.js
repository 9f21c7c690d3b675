// The face that is meant, tinted in the picture.

import { BufferAttribute, BufferGeometry, Mesh, MeshBasicMaterial } from "three";

const TINT = {
  transparent: true,
  opacity: 0.5,
  depthWrite: false,
  polygonOffset: true,
  polygonOffsetFactor: -1,
  polygonOffsetUnits: -1,
  side: 2, // both, as the faces themselves
};

/** Tints faces of features in one colour. */
export class Highlight {
  #material = new MeshBasicMaterial(TINT);
  #model;
  #tints = new Map(); // key of a feature -> mesh

  constructor(model) {
    this.#model = model;
  }

  ink(color) {
    this.#material.color = color;
  }

  /** Tint the faces among `features` and no other; returns whether anything changed. */
  show(features, shapes) {
    const wanted = new Map(
      features
        .filter(({ group }) => group !== undefined)
        .map((each) => [each.key, each]),
    );
    let isChanged = false;
    for (const [key, tint] of this.#tints) {
      if (wanted.has(key)) continue;
      tint.removeFromParent();
      tint.geometry.dispose();
      this.#tints.delete(key);
      isChanged = true;
    }
    for (const [key, feature] of wanted) {
      if (this.#tints.has(key)) continue;
      this.#tints.set(key, this.#tint(feature, shapes.of(feature.mesh)));
      isChanged = true;
    }
    return isChanged;
  }

  dispose() {
    this.show([]);
    this.#material.dispose();
  }

  #tint({ mesh, group }, { groups }) {
    const { faces, index } = mesh.userData.solid;
    const corners = [];
    for (let triangle = 0; triangle < faces.length; triangle++) {
      if (groups[faces[triangle]] !== group) continue;
      corners.push(
        index[3 * triangle],
        index[3 * triangle + 1],
        index[3 * triangle + 2],
      );
    }
    const { position } = mesh.geometry.attributes;
    const geometry = new BufferGeometry();
    // The positions are copied: disposing of this geometry must not touch the model's.
    const places = new Float32Array(3 * corners.length);
    corners.forEach((corner, i) => {
      places.set(position.array.subarray(3 * corner, 3 * corner + 3), 3 * i);
    });
    geometry.setAttribute("position", new BufferAttribute(places, 3));
    this.#material.clippingPlanes = this.#model.planes;
    const tint = new Mesh(geometry, this.#material);
    tint.renderOrder = 1;
    mesh.add(tint);
    return tint;
  }
}
