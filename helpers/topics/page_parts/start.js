// The page's blocks and parts -> the map. What all parts share stands in topicMap; texts come after the first picture.

const topicMap = { wanted: {}, words: [], off: new Set(), columns: [], marked: -1 };
window.topicMap = topicMap;

function readAbout(about) {
  Object.assign(topicMap, about);
  document.title = topicMap.title;
  // Every topic has its fine topics as members, by their places in the list; a fine one is its own.
  topicMap.topics.forEach((topic, at) => (topic.members = [at]));
  topicMap.layers = [{ name: "fine", topics: topicMap.topics.filter(({ id }) => id !== -1) }, ...topicMap.layers];
  byId("about").textContent = topicMap.subTitle;
  for (const note of topicMap.notes) byId("notes").append(element("li", { text: note, dir: "auto" }));
}

function readPoints(arrays) {
  topicMap.count = arrays.topic.length;
  topicMap.topic = arrays.topic;
  topicMap.confidence = arrays.confidence ?? null;
  topicMap.places = new Float32Array(2 * topicMap.count);
  const bounds = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < topicMap.count; i++) {
    const [x, y] = [arrays.x[i] / topicMap.units, arrays.y[i] / topicMap.units];
    topicMap.places[2 * i] = x;
    topicMap.places[2 * i + 1] = y;
    if (x < bounds[0]) bounds[0] = x;
    if (x > bounds[1]) bounds[1] = x;
    if (y < bounds[2]) bounds[2] = y;
    if (y > bounds[3]) bounds[3] = y;
  }
  topicMap.bounds = bounds;
}

function readRows({ texts, roles, ids, copies, columns }) {
  topicMap.texts = texts;
  topicMap.roles = roles;
  topicMap.ids = ids;
  topicMap.columns = columns;
  topicMap.firstId = new Uint32Array(topicMap.count + 1);
  for (let i = 0; i < topicMap.count; i++) topicMap.firstId[i + 1] = topicMap.firstId[i] + (copies ? copies[i] : 1);
  topicMap.ready = true;
  const spoken = (row) => turnsOf(row).map(({ said }) => said);
  topicMap.haystack = Array.from({ length: topicMap.count }, (_, row) => plain([...spoken(row), ...idsOf(row)].join("\n")));
  for (const id of ["save-csv", "save-json"]) byId(id).disabled = ids === null;
  offerColourings();
  // What was typed or opened before the texts were there is done now.
  if (byId("search").value) search();
  else if (!byId("drawer").hidden) showTable();
}

function offerColourings() {
  const before = byId("colour-by").value || "topic";
  topicMap.colourings = listColourings();
  byId("colour-by").replaceChildren(...topicMap.colourings.map(({ name }, at) => element("option", { text: name, value: at })));
  byId("colour-by").value = Math.max(0, Number(before) || 0);
}

// One picture a frame, however often something changes; none while the page stands in a frame that is not shown.
function redraw() {
  if (!topicMap.view) return;
  topicMap.waiting ??= requestAnimationFrame(() => {
    topicMap.waiting = null;
    draw();
  });
}

function draw() {
  const { view } = topicMap;
  // Few points are large, and they grow slowly as one comes nearer.
  const room = Math.sqrt((Math.min(view.width, view.height) ** 2) / topicMap.count);
  const near = Math.max(view.scale / topicMap.firstScale, 0.25) ** 0.45;
  topicMap.pointSize = Math.min(Math.max(room * 0.42, topicMap.count > 3e5 ? 1.3 : 2), 8) * Math.min(near, 4);
  const looks = {
    [QUIET]: topicMap.found ? { size: 0.85, strength: 0.3, fade: 0.85 } : { size: 0.8, strength: topicMap.layers[0].topics.length ? 0.45 : 0.8, fade: 0 },
    [PLAIN]: { size: 1, strength: topicMap.count > 3e4 ? 0.6 : 0.78, fade: 0 },
    [FOUND]: { size: 1.35, strength: 0.95, fade: 0 },
  };
  const ranges = topicMap.ranges.map((range) => ({ ...range, ...looks[range.state], size: looks[range.state].size * topicMap.pointSize }));
  topicMap.painter.paint(view, ranges, topicMap.dark ? [90, 96, 103] : [190, 194, 199]);
  drawNames(view);
  drawMark(view);
  topicMap.pictures = (topicMap.pictures ?? 0) + 1;
}

// The row that was clicked has a ring around it.
function drawMark(view) {
  if (topicMap.rope) return;
  if (topicMap.marked < 0 || topicMap.states[topicMap.marked] === HIDDEN) return drawRope("");
  const [x, y] = project(view, topicMap.places[2 * topicMap.marked], topicMap.places[2 * topicMap.marked + 1]);
  const r = topicMap.pointSize / 2 + 5;
  drawRope(`M${x - r},${y}a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`);
}

function fitWindow() {
  const canvas = byId("points");
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [innerWidth, innerHeight];
  if (!width || !height) return; // in a frame that is not shown; it is told when it is
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const before = topicMap.view;
  topicMap.view = { ...(before ?? { x: 0, y: 0, scale: 1 }), width, height, ratio };
  const all = fitted(topicMap.view, topicMap.bounds).scale;
  const first = fitted(topicMap.view, topicMap.firstBounds);
  topicMap.firstScale = first.scale;
  Object.assign(topicMap.view, { least: Math.min(all, first.scale) * FURTHEST, most: first.scale * NEAREST });
  if (!before) {
    Object.assign(topicMap.view, { x: first.x, y: first.y, scale: first.scale });
    sizeNames();
  }
  redraw();
}

function setDark(dark) {
  topicMap.dark = dark;
  document.documentElement.classList.toggle("dark", dark);
  if (topicMap.painter) redraw();
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
    typing = setTimeout(() => topicMap.haystack && search(), 150);
  });
  on("colour-by", "change", (event) => colour(topicMap.colourings[event.target.value]));
  on("layer", "change", () => {
    topicMap.placed = null;
    redraw();
  });
  on("zoom-in", "click", () => goTo(zoomed(topicMap.view, 1.6)));
  on("zoom-out", "click", () => goTo(zoomed(topicMap.view, 1 / 1.6)));
  on("home", "click", goHome);
  on("lasso", "click", () => setRoping(!topicMap.roping));
  on("list", "click", () => openTable(byId("drawer").hidden));
  on("close-list", "click", () => openTable(false));
  on("theme", "click", () => setDark(!topicMap.dark));
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
  readPoints(fromPlanes(await unpack("block-points"), topicMap.arrays));
  topicMap.painter = makePainter(byId("points"), topicMap.places);
  watchControls();
  if (innerWidth <= 760) foldPanel(true);
  const choices = [["auto", "auto"], ...topicMap.layers.map(({ name }) => [name, name]), ["none", "none"]];
  byId("layer").replaceChildren(...choices.map(([value, text]) => element("option", { value, text })));
  makeTree();
  makeNames();
  offerColourings();
  colour(topicMap.colourings[0]);
  fitWindow();
  watchGestures(byId("stage"));
  watchKeys(byId("stage"));
  if (document.readyState === "loading") await new Promise((go) => addEventListener("DOMContentLoaded", go));
  // The first picture is on the screen before the texts are unpacked.
  await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
  readRows(await unpackJson("block-rows"));
}

start().catch((error) => {
  byId("problem").textContent = `This map could not be drawn (${error.message}). The report, report.html, shows the same topics.`;
  byId("problem").hidden = false;
  throw error;
});
