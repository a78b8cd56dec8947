// Draws the built-in head as its GLB has it: shapes added to the vertices here, light in a shader.

const VERTEX = `#version 300 es
in vec3 position, normal, colour; in vec2 uv; in float neck;
uniform mat4 camera; uniform mat3 turn;
out vec3 vNormal, vColour, vPlace; out vec2 vUv;
void main() {
  vec3 place = mix(position, turn * position, neck);
  vNormal = mix(normal, turn * normal, neck);
  vColour = colour; vUv = uv; vPlace = place;
  gl_Position = camera * vec4(place, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec3 vNormal, vColour, vPlace; in vec2 vUv;
uniform sampler2D atlas; uniform vec3 eye; uniform float rough, dim; uniform bool skin, eyes;
out vec4 drawn;
void main() {
  vec3 n = normalize(vNormal), v = normalize(eye - vPlace);
  if (dot(n, v) < 0.0) n = -n;
  vec3 own = pow(texture(atlas, vUv).rgb, vec3(2.2)) * vColour;
  vec3 key = normalize(vec3(0.45, 0.55, 0.75)), fill = normalize(vec3(-0.8, 0.1, 0.5));
  float wrap = skin ? 0.25 : 0.0;
  float lit = max(0.0, (dot(n, key) + wrap) / (1.0 + wrap));
  vec3 warm = skin ? vec3(1.0, 0.9, 0.84) : vec3(1.0);
  vec3 light = vec3(1.15, 1.08, 1.0) * pow(vec3(lit), warm)
    + vec3(0.24, 0.3, 0.4) * max(0.0, dot(n, fill))
    + mix(vec3(0.13, 0.11, 0.1), vec3(0.27, 0.3, 0.34), 0.5 + 0.5 * n.y);
  float tight = 2.0 / (rough * rough);
  float shine = pow(max(0.0, dot(n, normalize(key + v))), tight) * (eyes ? 1.2 : 0.12);
  float rim = pow(1.0 - max(0.0, dot(n, v)), 4.0) * max(0.0, n.y * 0.5 + 0.5) * 0.2;
  vec3 c = own * light * dim + shine + rim * vec3(0.6, 0.7, 0.9);
  c = (c * (2.51 * c + 0.03)) / (c * (2.43 * c + 0.59) + 0.14);
  drawn = vec4(pow(clamp(c, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
}`;

const TYPES = { 5121: Uint8Array, 5123: Uint16Array, 5125: Uint32Array, 5126: Float32Array };
const SIZES = { SCALAR: 1, VEC2: 2, VEC3: 3, VEC4: 4, MAT4: 16 };
const PLACES = ["position", "normal", "uv", "colour", "neck"];
const UNIFORMS = ["camera", "turn", "eye", "rough", "dim", "skin", "eyes"];

// Meshes of a GLB of ours, with its atlas as a Blob.
function parse(buffer) {
  const view = new DataView(buffer), length = view.getUint32(12, true);
  const document = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
  const start = 20 + length + 8;
  const values = (number, type, count) => {
    const at = document.bufferViews[number];
    return new TYPES[type](buffer.slice(start + (at.byteOffset ?? 0)), 0, count);
  };
  const accessor = (number) => {
    const about = document.accessors[number];
    const size = about.count * SIZES[about.type];
    return values(about.bufferView, about.componentType, size);
  };
  const sparse = (number) => {
    const { count, indices, values: moved } = document.accessors[number].sparse ?? { count: 0 };
    if (!count) return { indices: [], moved: [] };
    return {
      indices: values(indices.bufferView, indices.componentType, count),
      moved: values(moved.bufferView, 5126, 3 * count),
    };
  };
  const mesh = document.meshes[0];
  const parts = mesh.primitives.map(({ attributes, indices, material, targets }) => ({
    name: document.materials[material].name,
    rough: document.materials[material].pbrMetallicRoughness.roughnessFactor,
    position: accessor(attributes.POSITION),
    normal: accessor(attributes.NORMAL),
    uv: accessor(attributes.TEXCOORD_0),
    colour: Float32Array.from(accessor(attributes.COLOR_0).filter((_, i) => i % 4 < 3), (c) => c / 255),
    neck: Float32Array.from(accessor(attributes.WEIGHTS_0).filter((_, i) => i % 4 === 1), (w) => w / 255),
    indices: accessor(indices),
    targets: targets.map((target) => sparse(target.POSITION)),
  }));
  const picture = atob(document.images[0].uri.split(",")[1]); // the page's policy fetches no data:
  const atlas = new Blob([Uint8Array.from(picture, (one) => one.charCodeAt(0))]);
  return { parts, atlas, names: mesh.extras.targetNames };
}

// Adds the normals of some triangles, weighted by their area, to `sums`.
function addNormals(position, indices, sums) {
  sums.fill(0);
  for (let i = 0; i < indices.length; i += 3) {
    const a = 3 * indices[i], b = 3 * indices[i + 1], c = 3 * indices[i + 2];
    const ux = position[b] - position[a], uy = position[b + 1] - position[a + 1];
    const uz = position[b + 2] - position[a + 2], vx = position[c] - position[a];
    const vy = position[c + 1] - position[a + 1], vz = position[c + 2] - position[a + 2];
    const x = uy * vz - uz * vy, y = uz * vx - ux * vz, z = ux * vy - uy * vx;
    for (const at of [a, b, c]) {
      sums[at] += x; sums[at + 1] += y; sums[at + 2] += z;
    }
  }
  return sums;
}

// Pitch, yaw and roll in degrees as a 3 x 3 matrix by columns: Ry(yaw) Rx(pitch) Rz(roll).
function rotation([pitch, yaw, roll]) {
  const [p, y, r] = [pitch, yaw, roll].map((angle) => (angle * Math.PI) / 180);
  const [cp, sp, cy, sy, cr, sr] = [p, p, y, y, r, r].map((a, i) => (i % 2 ? Math.sin(a) : Math.cos(a)));
  return new Float32Array([
    cy * cr + sy * sp * sr, cp * sr, -sy * cr + cy * sp * sr,
    -cy * sr + sy * sp * cr, cp * cr, sy * sr + cy * sp * cr,
    sy * cp, -sp, cy * cp,
  ]);
}

// A camera at a distance (m) that looks at `middle` from an angle, with the view's aspect.
function cameraOf(around, distance, middle, aspect) {
  const near = 0.1, far = 5, f = 1 / Math.tan(0.21) / Math.max(1, 0.8 / aspect);
  const [c, s] = [Math.cos(around), Math.sin(around)];
  const eye = [s * distance, middle, c * distance];
  const depth = (far + near) / (near - far), shift = (2 * far * near) / (near - far);
  // Rows of the view: right, up, back; times the projection, by columns.
  const w = [-s, 0, -c, distance];
  const matrix = [];
  for (let i = 0; i < 4; i++) {
    const right = [c, 0, -s, 0][i], up = [0, 1, 0, -middle][i], back = [s, 0, c, -distance][i];
    matrix.push((f / aspect) * right, f * up, depth * back + (i === 3 ? shift : 0), w[i]);
  }
  return { eye, matrix: new Float32Array(matrix) };
}

// Where the values of its uniforms go, by name.
function compile(gl) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  PLACES.forEach((name, place) => gl.bindAttribLocation(program, place, name));
  gl.linkProgram(program);
  gl.useProgram(program);
  return Object.fromEntries(UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]));
}

export class Head {
  // around: radians that the camera has gone to the side.
  around = 0;

  static async load(canvas, url) {
    const answer = await fetch(url);
    const glb = parse(await answer.arrayBuffer());
    return new Head(canvas, glb, await createImageBitmap(glb.atlas, { colorSpaceConversion: "none" }));
  }

  constructor(canvas, { parts, names }, atlas) {
    const gl = canvas.getContext("webgl2", { alpha: true, antialias: true, preserveDrawingBuffer: true });
    if (!gl) throw Error("WebGL 2");
    [this.canvas, this.gl, this.names, this.parts] = [canvas, gl, names, parts];
    this.at = compile(gl);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, atlas);
    // Half a face ends at the edge of the atlas, and small pictures of it mix its islands.
    for (const edge of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, edge, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAX_LEVEL, 1);
    gl.generateMipmap(gl.TEXTURE_2D);
    gl.enable(gl.DEPTH_TEST);
    for (const part of parts) this.#prepare(part);
  }

  #prepare(part) {
    const gl = this.gl;
    part.array = gl.createVertexArray();
    gl.bindVertexArray(part.array);
    part.buffers = PLACES.map((name, place) => {
      const buffer = gl.createBuffer();
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.bufferData(gl.ARRAY_BUFFER, part[name], place < 2 ? gl.DYNAMIC_DRAW : gl.STATIC_DRAW);
      gl.enableVertexAttribArray(place);
      const size = { uv: 2, neck: 1 }[name] ?? 3;
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
      return buffer;
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, part.indices, gl.STATIC_DRAW);
    part.posed = part.position.slice();
    part.sums = new Float32Array(part.position.length);
    // Vertices at one place, where the texture has a seam, share their normal.
    const first = new Map();
    part.twin = Uint16Array.from({ length: part.position.length / 3 }, (_, i) => {
      const place = part.position.subarray(3 * i, 3 * i + 3).join();
      if (!first.has(place)) first.set(place, i);
      return first.get(place);
    });
    part.joined = part.indices.map((i) => part.twin[i]);
  }

  #pose(part, weights) {
    part.posed.set(part.position);
    part.targets.forEach(({ indices, moved }, shape) => {
      const weight = weights[shape] ?? 0;
      if (!weight) return;
      for (let i = 0; i < indices.length; i++)
        for (let axis = 0; axis < 3; axis++)
          part.posed[3 * indices[i] + axis] += weight * moved[3 * i + axis];
    });
    addNormals(part.posed, part.joined, part.sums);
    part.twin.forEach((twin, i) => {
      if (twin !== i) part.sums.copyWithin(3 * i, 3 * twin, 3 * twin + 3);
    });
    const gl = this.gl;
    [part.posed, part.sums].forEach((content, place) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, part.buffers[place]);
      gl.bufferSubData(gl.ARRAY_BUFFER, 0, content);
    });
  }

  // weights: in the order of `names`. turn: pitch, yaw, roll in degrees. What is there stays.
  draw(weights, turn) {
    const { gl, canvas, at } = this, scale = Math.min(2, devicePixelRatio);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((n) => Math.max(1, Math.round(n * scale)));
    const picture = [width, height, this.around, turn, weights].join();
    if (picture === this.drawn) return;
    this.drawn = picture;
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    gl.viewport(0, 0, width, height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const { eye, matrix } = cameraOf(this.around, 1.0, -0.005, width / height);
    gl.uniformMatrix4fv(at.camera, false, matrix);
    gl.uniformMatrix3fv(at.turn, false, rotation(turn));
    gl.uniform3fv(at.eye, eye);
    for (const part of this.parts) {
      this.#pose(part, weights);
      gl.uniform1f(at.rough, part.rough);
      gl.uniform1f(at.dim, { mouth: 0.3, tongue: 0.75, teeth: 0.8 }[part.name] ?? 1); // in shadow
      gl.uniform1i(at.skin, part.name === "skin" ? 1 : 0);
      gl.uniform1i(at.eyes, part.name === "eye" ? 1 : 0);
      gl.bindVertexArray(part.array);
      gl.drawElements(gl.TRIANGLES, part.indices.length, gl.UNSIGNED_SHORT, 0);
    }
  }
}
