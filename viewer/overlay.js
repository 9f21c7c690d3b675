// One picture of two models: what they share in grey, what only one has in its
// colour.
//
// Told apart pixel by pixel, by depth, and not face by face: a plate with one hole
// moved is another face all over, but only where the holes are can one see it. Each
// model is drawn by itself, and where both have a surface at the same depth it is
// common to them.

import {
  Color,
  DepthTexture,
  HalfFloatType,
  Mesh,
  OrthographicCamera,
  PlaneGeometry,
  Scene,
  ShaderMaterial,
  UnsignedIntType,
  Vector2,
  WebGLRenderTarget,
} from "three";

const SAMPLES = 4; // a pixel, against steps in the edges

export class Overlay {
  /** 0 shows the older model, 1 the newer, and in the middle both are whole. */
  share = 0.5;
  /** Colours of what only the older and only the newer has. */
  inks = [new Color(), new Color()];

  #targets = [createTarget(), createTarget()];
  #material = createMaterial();
  #quad = new Mesh(new PlaneGeometry(2, 2), this.#material);
  #scene = new Scene();
  #camera = new OrthographicCamera(-1, 1, 1, -1, 0, 1);

  constructor() {
    this.#quad.frustumCulled = false;
    this.#scene.add(this.#quad);
  }

  paint(renderer, scene, camera, { older, newer }) {
    const size = renderer.getDrawingBufferSize(new Vector2());
    if (!size.x || !size.y) return; // as the page is left
    [older, newer].forEach((model, i) => {
      const target = this.#targets[i];
      target.setSize(size.x, size.y);
      older.root.visible = model === older;
      newer.root.visible = model === newer;
      renderer.setRenderTarget(target);
      renderer.clear();
      renderer.render(scene, camera);
    });
    renderer.setRenderTarget(null);
    const { uniforms } = this.#material;
    const [before, after] = this.#targets;
    uniforms.olderColor.value = before.texture;
    uniforms.newerColor.value = after.texture;
    uniforms.olderDepth.value = before.depthTexture;
    uniforms.newerDepth.value = after.depthTexture;
    uniforms.depth.value = camera.far - camera.near;
    uniforms.share.value = this.share;
    [uniforms.olderInk.value, uniforms.newerInk.value] = this.inks;
    renderer.render(this.#scene, this.#camera);
  }

  dispose() {
    for (const target of this.#targets) {
      target.depthTexture.dispose();
      target.dispose();
    }
    this.#quad.geometry.dispose();
    this.#material.dispose();
  }
}

function createTarget() {
  return new WebGLRenderTarget(1, 1, {
    type: HalfFloatType, // the light is linear; in eight bits the shade has steps
    samples: SAMPLES,
    depthTexture: new DepthTexture(1, 1, UnsignedIntType),
  });
}

function createMaterial() {
  const names = ["olderColor", "newerColor", "olderDepth", "newerDepth"];
  names.push("olderInk", "newerInk", "depth", "share");
  return new ShaderMaterial({
    uniforms: Object.fromEntries(names.map((name) => [name, { value: null }])),
    transparent: true,
    premultipliedAlpha: true,
    depthTest: false,
    depthWrite: false,
    vertexShader: `
      varying vec2 at;
      void main() {
        at = uv;
        gl_Position = vec4(position.xy, 0.0, 1.0);
      }`,
    fragmentShader: `
      uniform sampler2D olderColor;
      uniform sampler2D newerColor;
      uniform highp sampler2D olderDepth;
      uniform highp sampler2D newerDepth;
      uniform vec3 olderInk;
      uniform vec3 newerInk;
      uniform float depth; // mm from the near plane to the far one
      uniform float share;
      varying vec2 at;

      float lightOf(vec3 color) {
        return dot(color, vec3(0.2126, 0.7152, 0.0722));
      }

      vec4 inked(vec4 color, vec3 ink, float strength) {
        return strength * vec4(min(1.6 * lightOf(color.rgb), 1.0) * ink, color.a);
      }

      void main() {
        vec4 older = texture2D(olderColor, at);
        vec4 newer = texture2D(newerColor, at);
        float olderMm = depth * texture2D(olderDepth, at).r;
        float newerMm = depth * texture2D(newerDepth, at).r;
        // Two meshes of one round face differ by their chords, all the more where
        // it falls away from the eye.
        float slack = 0.15 + 2.0 * min(fwidth(olderMm), fwidth(newerMm));
        vec4 color;
        if (min(older.a, newer.a) > 0.0 && abs(olderMm - newerMm) < slack) {
          color = vec4(vec3(lightOf(newer.rgb)), newer.a);
        } else {
          vec4 a = inked(older, olderInk, clamp(2.0 - 2.0 * share, 0.0, 1.0));
          vec4 b = inked(newer, newerInk, clamp(2.0 * share, 0.0, 1.0));
          color = olderMm < newerMm ? a + (1.0 - a.a) * b : b + (1.0 - b.a) * a;
        }
        if (color.a == 0.0) discard;
        gl_FragColor = color;
        // Light is added up as it is, and written as screens want it.
        gl_FragColor.rgb /= color.a;
        #include <colorspace_fragment>
        gl_FragColor.rgb *= color.a;
      }`,
  });
}
