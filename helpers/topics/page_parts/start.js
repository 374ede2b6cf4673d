// The page's blocks and parts -> the map. What all parts share stands in `map`; texts come after the first picture.

const map = { wanted: {}, words: [], off: new Set(), columns: [], marked: -1 };
window.topicMap = map;

function readAbout(about) {
  Object.assign(map, about);
  document.title = map.title;
  // Every topic has its fine topics as members, by their places in the list; a fine one is its own.
  map.topics.forEach((topic, at) => (topic.members = [at]));
  map.layers = [{ name: "fine", topics: map.topics.filter(({ id }) => id !== -1) }, ...map.layers];
  for (const note of map.notes) byId("notes").append(element("li", { text: note, dir: "auto" }));
}

function readPoints(arrays) {
  map.count = arrays.topic.length;
  map.topic = arrays.topic;
  map.confidence = arrays.confidence ?? null;
  map.places = new Float32Array(2 * map.count);
  const bounds = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < map.count; i++) {
    const [x, y] = [arrays.x[i] / map.units, arrays.y[i] / map.units];
    map.places[2 * i] = x;
    map.places[2 * i + 1] = y;
    if (x < bounds[0]) bounds[0] = x;
    if (x > bounds[1]) bounds[1] = x;
    if (y < bounds[2]) bounds[2] = y;
    if (y > bounds[3]) bounds[3] = y;
  }
  map.bounds = bounds;
}

function readRows({ texts, roles, ids, copies, columns }) {
  map.texts = texts;
  map.roles = roles;
  map.ids = ids;
  map.columns = columns;
  map.firstId = new Uint32Array(map.count + 1);
  for (let i = 0; i < map.count; i++) map.firstId[i + 1] = map.firstId[i] + (copies ? copies[i] : 1);
  map.haystack = Array.from({ length: map.count }, (_, row) => plain(`${texts?.[row] ?? ""}\n${idsOf(row).join(" ")}`));
  offerColourings();
}

function offerColourings() {
  const before = byId("colour-by").value || "topic";
  map.colourings = listColourings();
  byId("colour-by").replaceChildren(...map.colourings.map(({ name }, at) => element("option", { text: name, value: at })));
  byId("colour-by").value = Math.max(0, Number(before) || 0);
}

// One picture a frame, however often something changes.
function redraw() {
  map.waiting ??= requestAnimationFrame(() => {
    map.waiting = null;
    draw();
  });
}

function draw() {
  const { view } = map;
  // Few points are large, and they grow slowly as one comes nearer.
  const room = Math.sqrt((Math.min(view.width, view.height) ** 2) / map.count);
  const near = Math.max(view.scale / map.first, 0.25) ** 0.45;
  map.pointSize = Math.min(Math.max(room * 0.42, map.count > 3e5 ? 1.3 : 2), 8) * Math.min(near, 4);
  const looks = {
    [QUIET]: map.found ? { size: 0.85, strength: 0.3, fade: 0.85 } : { size: 0.8, strength: 0.45, fade: 0 },
    [PLAIN]: { size: 1, strength: map.count > 3e4 ? 0.6 : 0.78, fade: 0 },
    [FOUND]: { size: 1.35, strength: 0.95, fade: 0 },
  };
  const ranges = map.ranges.map((range) => ({ ...range, ...looks[range.state], size: looks[range.state].size * map.pointSize }));
  map.painter.paint(view, ranges, map.dark ? [90, 96, 103] : [190, 194, 199]);
  drawNames(view);
  drawMark(view);
  map.pictures = (map.pictures ?? 0) + 1;
}

function drawMark(view) {
  if (map.marked < 0 || map.rope) return;
  const [x, y] = project(view, map.places[2 * map.marked], map.places[2 * map.marked + 1]);
  const r = map.pointSize / 2 + 5;
  byId("rope").firstElementChild.setAttribute("d", `M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`);
}

function fitWindow() {
  const canvas = byId("points");
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [innerWidth, innerHeight];
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const before = map.view;
  map.view = { ...(before ?? { x: 0, y: 0, scale: 1 }), width, height, ratio };
  const all = fitted(map.view, map.bounds).scale;
  const first = fitted(map.view, map.seen);
  map.first = first.scale;
  Object.assign(map.view, { least: Math.min(all, first.scale) * FURTHEST, most: first.scale * NEAREST });
  if (!before) Object.assign(map.view, { x: first.x, y: first.y, scale: first.scale });
  redraw();
}

function setDark(dark) {
  map.dark = dark;
  document.documentElement.classList.toggle("dark", dark);
  if (map.painter) redraw();
}

function foldPanel(folded) {
  byId("panel").classList.toggle("folded", folded);
  byId("toggle-panel").setAttribute("aria-expanded", String(!folded));
}

function watchControls() {
  const on = (id, event, act) => byId(id).addEventListener(event, act);
  let typing;
  on("search", "input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => map.haystack && search(), 150);
  });
  on("colour-by", "change", (event) => colour(map.colourings[event.target.value]));
  on("layer", "change", () => {
    map.placed = null;
    redraw();
  });
  on("zoom-in", "click", () => goTo(zoomed(map.view, 1.6)));
  on("zoom-out", "click", () => goTo(zoomed(map.view, 1 / 1.6)));
  on("home", "click", () => goTo(fitted(map.view, map.seen)));
  on("lasso", "click", () => setRoping(!map.roping));
  on("list", "click", () => openTable(byId("drawer").hidden));
  on("close-list", "click", () => openTable(false));
  on("theme", "click", () => setDark(!map.dark));
  on("toggle-panel", "click", () => foldPanel(!byId("panel").classList.contains("folded")));
  on("more", "click", addLines);
  on("save-csv", "click", () => save("csv"));
  on("save-json", "click", () => save("json"));
  addEventListener("resize", fitWindow);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  setDark(scheme.matches);
  scheme.addEventListener("change", () => setDark(scheme.matches));
}

async function start() {
  readAbout(await unpackJson("block-about"));
  readPoints(fromPlanes(await unpack("block-points"), map.arrays));
  map.painter = makePainter(byId("points"), map.places);
  watchControls();
  if (innerWidth <= 760) foldPanel(true);
  const choices = [["auto", "auto"], ...map.layers.map(({ name }) => [name, name]), ["none", "none"]];
  byId("layer").replaceChildren(...choices.map(([value, text]) => element("option", { value, text })));
  makeTree();
  offerColourings();
  fitWindow();
  makeNames();
  colour(map.colourings[0]);
  watchGestures(byId("stage"));
  watchKeys(byId("stage"));
  if (document.readyState === "loading") await new Promise((go) => addEventListener("DOMContentLoaded", go));
  // The first picture is on the screen before the texts are unpacked.
  await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
  readRows(await unpackJson("block-rows"));
  map.ready = true;
}

start().catch((error) => {
  byId("problem").textContent = `This map could not be drawn (${error.message}). The report, report.html, shows the same topics.`;
  byId("problem").hidden = false;
  throw error;
});
