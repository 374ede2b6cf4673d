// A rope drawn around points -> these points, as something that is looked for.

function setRoping(on) {
  map.roping = on;
  byId("stage").classList.toggle("roping", on);
  byId("lasso").setAttribute("aria-pressed", String(on));
}

function startRope(place) {
  map.rope = [place];
}

function extendRope(place) {
  map.rope.push(place);
  byId("rope").firstElementChild.setAttribute("d", `M${map.rope.map((one) => one.join(",")).join("L")}Z`);
}

function endRope(whole) {
  byId("rope").firstElementChild.setAttribute("d", "");
  const rope = map.rope.map(([left, top]) => unproject(map.view, left, top));
  map.rope = null;
  setRoping(false);
  if (whole && rope.length > 2) want("rope", { rows: insideRope(rope), text: "lasso" });
}

// Crossings of a ray to the right, counted for points within the rope's box only.
function insideRope(rope) {
  const inside = new Uint8Array(map.count);
  const [xs, ys] = [rope.map(([x]) => x), rope.map(([, y]) => y)];
  const [left, right, bottom, top] = [min(xs), max(xs), min(ys), max(ys)];
  for (let i = 0; i < map.count; i++) {
    const [x, y] = [map.places[2 * i], map.places[2 * i + 1]];
    if (x < left || x > right || y < bottom || y > top || map.states[i] === HIDDEN) continue;
    let odd = false;
    for (let a = 0, b = rope.length - 1; a < rope.length; b = a++)
      if (ys[a] > y !== ys[b] > y && x < ((xs[b] - xs[a]) * (y - ys[a])) / (ys[b] - ys[a]) + xs[a]) odd = !odd;
    inside[i] = odd ? 1 : 0;
  }
  return inside;
}

const min = (numbers) => numbers.reduce((a, b) => Math.min(a, b));
const max = (numbers) => numbers.reduce((a, b) => Math.max(a, b));
