// Rows that were found, or all that are shown -> a table beside the map, a hundred lines at a time.

const LINES = 100;

function openTable(open) {
  const drawer = byId("drawer");
  byId("list").setAttribute("aria-pressed", String(open));
  if (drawer.hidden !== open) return;
  drawer.hidden = !open;
  if (open) showTable();
  else if (!document.activeElement || document.activeElement === document.body) byId("stage").focus();
}

function listedRows() {
  return topicMap.found ?? Array.from(topicMap.order.subarray(topicMap.ranges[0].first)).sort((a, b) => a - b);
}

function showTable() {
  const rows = listedRows();
  const ids = topicMap.ids ? rows.reduce((sum, row) => sum + topicMap.firstId[row + 1] - topicMap.firstId[row], 0) : rows.length;
  byId("count").textContent = counted(rows.length, "text") + (ids > rows.length ? ` of ${counted(ids, "row")}` : "");
  const names = ["topic", "text", ...topicMap.columns.map(({ name }) => name), "id"];
  const heads = names.map((name) => element("th", { text: name, className: name === "id" ? "id" : "", scope: "col" }));
  const [head, body] = [byId("rows").querySelector("thead"), byId("rows").querySelector("tbody")];
  head.replaceChildren(element("tr", {}, ...heads));
  body.replaceChildren();
  topicMap.listed = rows;
  byId("rows").scrollTop = 0;
  addLines();
}

function addLines() {
  const body = byId("rows").querySelector("tbody");
  const from = body.children.length;
  body.append(...topicMap.listed.slice(from, from + LINES).map(tableRow));
  byId("more").hidden = body.children.length >= topicMap.listed.length;
}

function tableRow(row) {
  const topic = topicMap.topics[topicMap.topic[row]];
  const swatch = element("span", { className: "swatch" });
  swatch.style.setProperty("--tint", tintOf(row));
  const ids = idsOf(row);
  const cells = [
    element("td", { className: "topic" }, swatch, element("bdi", { text: topic.label })),
    element("td", { className: "said", dir: "auto" }, ...spokenText(row)),
    ...topicMap.columns.map((column) => element("td", { className: "value", text: shownValue(column, row), dir: "auto" })),
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
  const words = low.length === text.length ? topicMap.words : [];
  const parts = [];
  let from = 0;
  while (from < text.length) {
    const found = words.map((word) => [low.indexOf(word, from), word.length]).filter(([at]) => at >= 0);
    if (!found.length) break;
    const [at, long] = found.sort((a, b) => a[0] - b[0])[0];
    parts.push(text.slice(from, at), element("mark", { text: text.slice(at, at + long) }));
    from = at + long;
  }
  return [...parts, text.slice(from)];
}

function showRow(row) {
  goToPlace(topicMap.places[2 * row], topicMap.places[2 * row + 1]);
  markRow(row);
}

function markRow(row) {
  topicMap.marked = row;
  redraw();
}
