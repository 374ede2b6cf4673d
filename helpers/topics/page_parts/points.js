// Places and colours -> points on the canvas: by the graphics card, or by the canvas itself where there is none.
// Points come in ranges of one list, each with its own size, strength and fade; later ones lie on top.

const POINT_SHADER = `#version 300 es
in vec2 place; in vec3 colour;
uniform vec2 centre; uniform vec2 scale; uniform float size;
out vec3 tint;
void main() {
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  gl_PointSize = size;
  tint = colour;
}`;
const DISC_SHADER = `#version 300 es
precision highp float;
in vec3 tint;
uniform float size; uniform float strength; uniform float fade; uniform vec3 faded;
out vec4 pixel;
void main() {
  float edge = clamp(size * (0.5 - distance(gl_PointCoord, vec2(0.5))), 0.0, 1.0);
  pixel = vec4(mix(tint, faded, fade), 1.0) * (strength * edge);
}`;

function makePainter(canvas, places) {
  const card = canvas.getContext("webgl2", { antialias: false, alpha: true });
  return card ? cardPainter(card, canvas, places) : plainPainter(canvas, places);
}

function cardPainter(gl, canvas, places) {
  let program, at, buffers, colours, order;
  const upload = (target, buffer, data) => {
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, data, gl.STATIC_DRAW);
  };
  const start = () => {
    program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, POINT_SHADER], [gl.FRAGMENT_SHADER, DISC_SHADER]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(gl.getProgramInfoLog(program));
    gl.useProgram(program);
    at = {};
    for (const name of ["centre", "scale", "size", "strength", "fade", "faded"])
      at[name] = gl.getUniformLocation(program, name);
    buffers = { place: gl.createBuffer(), colour: gl.createBuffer(), order: gl.createBuffer() };
    upload(gl.ARRAY_BUFFER, buffers.place, places);
    const place = gl.getAttribLocation(program, "place");
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, 2, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.colour);
    const colour = gl.getAttribLocation(program, "colour");
    gl.enableVertexAttribArray(colour);
    gl.vertexAttribPointer(colour, 3, gl.UNSIGNED_BYTE, true, 4, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    if (colours) painter.setColours(colours);
    if (order) painter.setOrder(order);
  };
  const painter = {
    setColours(bytes) {
      colours = bytes;
      upload(gl.ARRAY_BUFFER, buffers.colour, bytes);
    },
    setOrder(indices) {
      order = indices;
      upload(gl.ELEMENT_ARRAY_BUFFER, buffers.order, indices);
    },
    paint(view, ranges, faded) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform2f(at.centre, view.x, view.y);
      gl.uniform2f(at.scale, (2 * view.scale) / view.width, (2 * view.scale) / view.height);
      gl.uniform3fv(at.faded, faded.map((part) => part / 255));
      for (const range of ranges) {
        if (!range.count) continue;
        gl.uniform1f(at.size, range.size * view.ratio);
        gl.uniform1f(at.strength, range.strength);
        gl.uniform1f(at.fade, range.fade);
        gl.drawElements(gl.POINTS, range.count, gl.UNSIGNED_INT, 4 * range.first);
      }
    },
  };
  canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
  canvas.addEventListener("webglcontextrestored", () => {
    start();
    redraw();
  });
  start();
  return painter;
}

function plainPainter(canvas, places) {
  const pen = canvas.getContext("2d");
  let colours, order;
  return {
    setColours: (bytes) => (colours = bytes),
    setOrder: (indices) => (order = indices),
    paint(view, ranges, faded) {
      pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
      pen.clearRect(0, 0, view.width, view.height);
      for (const { first, count, size, strength, fade } of ranges) {
        pen.globalAlpha = strength;
        const side = 0.886 * size; // of a square as large as the disc
        for (let k = first; k < first + count; k++) {
          const [x, y] = project(view, places[2 * order[k]], places[2 * order[k] + 1]);
          if (x < -size || y < -size || x > view.width + size || y > view.height + size) continue;
          const tint = [0, 1, 2].map((i) => colours[4 * order[k] + i] * (1 - fade) + faded[i] * fade);
          pen.fillStyle = `rgb(${tint})`;
          pen.fillRect(x - side / 2, y - side / 2, side, side);
        }
      }
    },
  };
}
