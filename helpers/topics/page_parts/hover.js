// Where the pointer is -> the nearest point's text in a box beside it.

// Points by cells of a grid, so that only those near the pointer are looked at.
function makeGrid() {
  const side = Math.max(1, Math.min(1024, Math.round(Math.sqrt(topicMap.count / 4))));
  const [left, right, bottom, top] = topicMap.bounds;
  const [wide, high] = [(right - left) / side || 1, (top - bottom) / side || 1];
  const column = (x) => Math.min(side - 1, Math.max(0, Math.floor((x - left) / wide)));
  const line = (y) => Math.min(side - 1, Math.max(0, Math.floor((y - bottom) / high)));
  const cell = new Uint32Array(topicMap.count);
  const starts = new Uint32Array(side * side + 1);
  for (let i = 0; i < topicMap.count; i++) {
    cell[i] = line(topicMap.places[2 * i + 1]) * side + column(topicMap.places[2 * i]);
    starts[cell[i] + 1]++;
  }
  for (let c = 1; c < starts.length; c++) starts[c] += starts[c - 1];
  const rows = new Uint32Array(topicMap.count);
  const next = starts.slice();
  for (let i = 0; i < topicMap.count; i++) rows[next[cell[i]]++] = i;
  return { side, column, line, starts, rows };
}

function nearestPoint(left, top) {
  topicMap.grid ??= makeGrid();
  const { side, column, line, starts, rows } = topicMap.grid;
  const reach = (topicMap.pointSize / 2 + 5) / topicMap.view.scale;
  const [x, y] = unproject(topicMap.view, left, top);
  let [best, least] = [-1, reach * reach];
  for (let v = line(y - reach); v <= line(y + reach); v++)
    for (let k = starts[v * side + column(x - reach)]; k < starts[v * side + column(x + reach) + 1]; k++) {
      const i = rows[k];
      if (topicMap.states[i] === HIDDEN || (topicMap.found && topicMap.states[i] !== FOUND)) continue;
      const away = (topicMap.places[2 * i] - x) ** 2 + (topicMap.places[2 * i + 1] - y) ** 2;
      if (away <= least) [best, least] = [i, away];
    }
  return best;
}

function hoverAt(left, top, target) {
  topicMap.pointer = [left, top, target];
  if (topicMap.hovering) return;
  topicMap.hovering = requestAnimationFrame(() => {
    topicMap.hovering = 0;
    const [left, top, target] = topicMap.pointer;
    const topic = target.closest?.("#names button")?.topic;
    const row = topic ? -1 : nearestPoint(left, top);
    byId("stage").style.cursor = row >= 0 ? "pointer" : "";
    if (topic) showOver(left, top, topicCard(topic));
    else if (row >= 0) showOver(left, top, rowCard(row));
    else hideOver();
  });
}

function clickAt(left, top, target) {
  const topic = target.closest?.("#names button")?.topic;
  if (topic) return focusTopic(topic);
  const row = nearestPoint(left, top);
  if (row < 0) hideOver();
  else showOver(left, top, rowCard(row));
  markRow(row);
}

function showOver(left, top, parts) {
  const box = byId("over");
  box.replaceChildren(...parts);
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const x = left + 16 + width > innerWidth ? Math.max(8, left - width - 12) : left + 16;
  const y = Math.max(8, Math.min(top + 14, innerHeight - height - 8));
  box.style.transform = `translate(${x}px, ${y}px)`;
}

function hideOver() {
  cancelAnimationFrame(topicMap.hovering);
  topicMap.hovering = 0;
  byId("over").hidden = true;
}

function cardHead(topic, tint = topic.colour) {
  const swatch = element("span", { className: "swatch" });
  swatch.style.setProperty("--tint", tint);
  return element("div", { className: "head" }, swatch, element("bdi", { text: topic.label }));
}

function topicCard(topic) {
  const words = topic.keywords?.length ? [element("p", { text: topic.keywords.join(", "), dir: "auto" })] : [];
  return [cardHead(topic), element("p", { text: `${counted(topic.size, "row")} (${percent(topic.size / topicMap.allRows)})` }), ...words];
}

function rowCard(row) {
  const facts = factsOf(row);
  const list = element("dl");
  for (const [name, value] of facts)
    list.append(element("dt", { text: name }), element("dd", { text: value, dir: "auto" }));
  return [cardHead(topicMap.topics[topicMap.topic[row]], tintOf(row)), ...textLines(row), ...(facts.length ? [list] : [])];
}

// A text as paragraphs, each with who says it where that is known.
function textLines(row) {
  const turns = turnsOf(row);
  return turns.map(({ role, said }) => {
    const name = role ? [element("span", { className: "role", text: role })] : [];
    return element("p", { dir: "auto" }, ...name, said);
  });
}

function turnsOf(row) {
  const text = topicMap.texts?.[row];
  if (!text) return topicMap.ready ? [] : [{ role: null, said: "…" }];
  return text
    .split("\x1e")
    .filter((turn, at) => at || turn)
    .map((turn) => {
      const named = turn.includes("\x1f");
      const role = named ? topicMap.roles[parseInt(turn, 36)] : null;
      return { role, said: named ? turn.slice(turn.indexOf("\x1f") + 1) : turn };
    });
}

function factsOf(row) {
  const facts = [];
  if (topicMap.confidence && topicMap.topics[topicMap.topic[row]].id !== -1) facts.push(["confidence", percent(topicMap.confidence[row] / 100)]);
  for (const column of topicMap.columns) {
    const shown = shownValue(column, row);
    if (shown) facts.push([column.name, shown]);
  }
  const ids = idsOf(row);
  if (ids.length > 1) facts.push(["equal texts", whole(ids.length)]);
  return facts;
}

function idsOf(row) {
  return topicMap.ids ? topicMap.ids.slice(topicMap.firstId[row], topicMap.firstId[row + 1]) : [];
}

function shownValue({ kind, values, codes }, row) {
  if (kind === "category") return values[codes[row]] ?? "";
  const value = values[row];
  if (value === null || value === undefined) return "";
  if (kind === "date") return new Date(value).toISOString().replace("T00:00:00.000Z", "").replace(/\.000Z$/, "Z");
  return kind === "number" ? shownNumber(value) : value;
}

const percent = (part) => `${part > 0.995 && part < 1 ? 99 : part > 0 && part < 0.005 ? 1 : Math.round(100 * part)}%`;
// Whole numbers as they are: a year or an id has no comma.
const shownNumber = (value) =>
  Number.isInteger(value) ? String(value) : value.toLocaleString("en-US", { maximumSignificantDigits: 6 });
