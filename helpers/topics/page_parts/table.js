// Rows that were found, or all that are shown -> a table beside the map, a hundred lines at a time.

const LINES = 100;

function openTable(open) {
  const drawer = byId("drawer");
  byId("list").setAttribute("aria-pressed", String(open));
  if (drawer.hidden !== open) return;
  drawer.hidden = !open;
  if (open) showTable();
}

function listedRows() {
  return map.found ?? Array.from(map.order.subarray(map.ranges[0].first));
}

function showTable() {
  const rows = listedRows();
  const ids = map.ids ? rows.reduce((sum, row) => sum + map.firstId[row + 1] - map.firstId[row], 0) : rows.length;
  byId("count").textContent = counted(rows.length, "text") + (ids > rows.length ? ` of ${counted(ids, "row")}` : "");
  const names = ["topic", "text", ...map.columns.map(({ name }) => name), "id"];
  const heads = names.map((name) => element("th", { text: name, className: name === "id" ? "id" : "", scope: "col" }));
  const [head, body] = [byId("rows").querySelector("thead"), byId("rows").querySelector("tbody")];
  head.replaceChildren(element("tr", {}, ...heads));
  body.replaceChildren();
  map.listed = rows;
  byId("rows").scrollTop = 0;
  addLines();
}

function addLines() {
  const body = byId("rows").querySelector("tbody");
  const from = body.children.length;
  body.append(...map.listed.slice(from, from + LINES).map(line));
  byId("more").hidden = body.children.length >= map.listed.length;
}

function line(row) {
  const topic = map.topics[map.topic[row]];
  const swatch = element("span", { className: "swatch", style: "display:inline-block;margin-inline-end:5px" });
  swatch.style.setProperty("--tint", topic.colour);
  const ids = idsOf(row);
  const cells = [
    element("td", { className: "topic" }, swatch, element("bdi", { text: topic.label })),
    element("td", { dir: "auto" }, ...spokenText(row)),
    ...map.columns.map((column) => element("td", { text: shownValue(column, row), dir: "auto" })),
    element("td", { className: "id", title: ids.join("\n"), text: ids.length > 1 ? `${whole(ids.length)}: ${ids[0]}` : (ids[0] ?? "") }),
  ];
  const made = element("tr", { tabindex: "0" }, ...cells);
  made.addEventListener("click", () => showRow(row));
  made.addEventListener("keydown", (event) => event.key === "Enter" && showRow(row));
  return made;
}

function spokenText(row) {
  return turnsOf(row).flatMap(({ role, said }) => [
    ...(role ? [element("span", { className: "role", text: `${role} ` })] : []),
    ...marked(said),
    " ",
  ]);
}

// What was looked for is marked where it stands; lower case may be longer, then nothing is.
function marked(text) {
  const low = text.toLowerCase();
  const found = (map.words ?? []).map((word) => [low.indexOf(word), word.length]).filter(([at]) => at >= 0);
  if (!found.length || low.length !== text.length) return [text];
  const [at, long] = found.sort((a, b) => a[0] - b[0])[0];
  return [text.slice(0, at), element("mark", { text: text.slice(at, at + long) }), ...marked(text.slice(at + long))];
}

function showRow(row) {
  goToPlace(map.places[2 * row], map.places[2 * row + 1]);
  markRow(row);
}

// The row that was clicked keeps a ring around it.
function markRow(row) {
  map.marked = row;
  redraw();
}
