// A rope drawn around points -> these points, as something that is looked for.

function setRoping(on) {
  topicMap.roping = on;
  byId("stage").classList.toggle("roping", on);
  byId("lasso").setAttribute("aria-pressed", String(on));
}

function startRope(place) {
  topicMap.rope = [place];
}

function extendRope(place) {
  if (!topicMap.rope) return;
  topicMap.rope.push(place);
  drawRope(`M${topicMap.rope.map((one) => one.join(",")).join("L")}Z`);
}

function drawRope(path) {
  byId("rope").firstElementChild.setAttribute("d", path);
}

function dropRope() {
  topicMap.rope = null;
  drawRope("");
  setRoping(false);
}

function endRope() {
  if (!topicMap.rope) return;
  const rope = topicMap.rope.map(([left, top]) => unproject(topicMap.view, left, top));
  dropRope();
  if (rope.length > 2) want("rope", { rows: insideRope(rope), text: "lasso" });
}

// Crossings of a ray to the right, counted for points within the rope's box only.
function insideRope(rope) {
  const inside = new Uint8Array(topicMap.count);
  const [xs, ys] = [rope.map(([x]) => x), rope.map(([, y]) => y)];
  const [left, right, bottom, top] = [min(xs), max(xs), min(ys), max(ys)];
  for (let i = 0; i < topicMap.count; i++) {
    const [x, y] = [topicMap.places[2 * i], topicMap.places[2 * i + 1]];
    if (x < left || x > right || y < bottom || y > top) continue;
    let odd = false;
    for (let a = 0, b = rope.length - 1; a < rope.length; b = a++)
      if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
    inside[i] = odd ? 1 : 0;
  }
  return inside;
}

const min = (numbers) => numbers.reduce((a, b) => Math.min(a, b));
const max = (numbers) => numbers.reduce((a, b) => Math.max(a, b));
