// What points are coloured by -> a colour a point, and a legend that says what it means and filters.

// Viridis (van der Walt and Smith 2015), readable without colour vision; nine stops.
const RAMP = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
// Okabe and Ito's colours for readers without full colour vision, the most frequent value first.
const KINDS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b3a900", "#7a7a7a"];
const NOTHING = "#b9bec4";
const LISTED = 200; // values with a switch of their own
const MOST_KINDS = 7; // values with a colour of their own, all others share the last

const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function listColourings() {
  const byTopic = topicMap.layers.map((layer, depth) => ({ name: depth ? `${layer.name} topics` : "topic", isTopic: true, layer }));
  const more = [];
  if (topicMap.confidence)
    more.push({ name: "confidence", range: [0, 100], value: (row) => (topicMap.topics[topicMap.topic[row]].id === -1 ? null : topicMap.confidence[row]), show: (value) => percent(value / 100) });
  if (topicMap.topics.some(({ score }) => score !== null))
    more.push({ name: "score of the topic", range: [0, 5], value: (row) => topicMap.topics[topicMap.topic[row]].score, show: (value) => value.toFixed(1) });
  return [...byTopic, ...more, ...topicMap.columns.filter(({ kind }) => kind !== "text").map(columnColouring)];
}

function columnColouring(column) {
  if (column.kind === "category") {
    const counts = new Array(column.values.length).fill(0);
    column.codes.forEach((code, row) => code >= 0 && (counts[code] += topicMap.firstId[row + 1] - topicMap.firstId[row]));
    const ranked = counts.map((_, code) => code).sort((a, b) => counts[b] - counts[a]);
    const rank = new Map(ranked.map((code, at) => [code, at]));
    return { name: column.name, column, counts, ranked, rank };
  }
  const known = column.values.filter((value) => value !== null);
  const range = known.length ? [min(known), max(known)] : [0, 1];
  const show = (value) => (column.kind === "date" ? new Date(value).toISOString().slice(0, 10) : shownNumber(value));
  return { name: column.name, range, value: (row) => column.values[row], show };
}

function rampColour(part) {
  const at = Math.min(Math.max(part, 0), 1) * (RAMP.length - 1);
  const [low, high] = [rgb(RAMP[Math.floor(at)]), rgb(RAMP[Math.ceil(at)])];
  return low.map((one, k) => Math.round(one + (high[k] - one) * (at % 1)));
}

function kindColour(colouring, code) {
  if (code < 0) return NOTHING;
  const rank = colouring.rank.get(code);
  return KINDS[colouring.ranked.length > KINDS.length ? Math.min(rank, MOST_KINDS) : rank];
}

function colourOf(colouring) {
  if (colouring.isTopic) {
    const tints = topicMap.topics.map(() => rgb(NOTHING));
    for (const topic of colouring.layer.topics) for (const fine of topic.members) tints[fine] = rgb(topic.colour);
    return (row) => tints[topicMap.topic[row]];
  }
  if (colouring.column) {
    const tints = new Map(colouring.column.values.map((_, code) => [code, rgb(kindColour(colouring, code))]));
    return (row) => tints.get(colouring.column.codes[row]) ?? rgb(NOTHING);
  }
  const [low, high] = colouring.range;
  const ramp = Array.from({ length: 256 }, (_, at) => rampColour(at / 255));
  return (row) => {
    const value = colouring.value(row);
    return value === null || value === undefined ? rgb(NOTHING) : ramp[Math.round((255 * (value - low)) / (high - low || 1))];
  };
}

function colour(colouring) {
  topicMap.colouring = colouring;
  topicMap.switchedOff = null;
  const bytes = new Uint8Array(4 * topicMap.count);
  const tint = colourOf(colouring);
  for (let row = 0; row < topicMap.count; row++) bytes.set(tint(row), 4 * row);
  topicMap.tints = bytes;
  topicMap.painter.setColours(bytes);
  byId("legend").replaceChildren(...legend(colouring));
  tintTree(colouring);
  refresh();
}

function tintOf(row) {
  return `rgb(${topicMap.tints.subarray(4 * row, 4 * row + 3).join()})`;
}

function legend(colouring) {
  if (colouring.isTopic) return [];
  if (colouring.column) return [kindsLegend(colouring)];
  const ramp = element("div", { className: "ramp" });
  ramp.style.background = `linear-gradient(to right, ${RAMP})`;
  const ends = colouring.range.map((value) => element("span", { text: colouring.show(value) }));
  return [ramp, element("div", { className: "ends" }, ...ends)];
}

// A line a value, the most frequent first; rare ones beyond LISTED are switched together, as are rows without any.
function kindsLegend(colouring) {
  const { ranked, counts, column } = colouring;
  const sum = (codes) => codes.reduce((all, code) => all + counts[code], 0);
  const rare = ranked.slice(LISTED);
  const lines = ranked.slice(0, LISTED).map((code) => ({ codes: [code], name: column.values[code] }));
  if (rare.length) lines.push({ codes: rare, name: `${counted(rare.length, "other value")}` });
  const without = rowsOf(column.codes, -1);
  if (without) lines.push({ codes: [-1], name: "no value", size: without });
  const off = new Set();
  const made = lines.map(({ codes, name, size = sum(codes) }) => {
    const box = element("input", { type: "checkbox" });
    box.checked = true;
    box.addEventListener("change", () => {
      for (const code of codes) box.checked ? off.delete(code) : off.add(code);
      topicMap.switchedOff = off.size ? Uint8Array.from(column.codes, (one) => (off.has(one) ? 1 : 0)) : null;
      refresh();
    });
    const swatch = element("span", { className: "swatch" });
    swatch.style.setProperty("--tint", kindColour(colouring, codes[0]));
    const label = element("bdi", { text: name, title: name });
    return element("label", { className: "topic" }, box, swatch, label, element("span", { className: "size", text: whole(size) }));
  });
  return element("div", { className: "values" }, ...made);
}

// How many rows, equal texts counted each, have this code.
function rowsOf(codes, wanted) {
  let rows = 0;
  for (let row = 0; row < codes.length; row++) if (codes[row] === wanted) rows += topicMap.firstId[row + 1] - topicMap.firstId[row];
  return rows;
}
