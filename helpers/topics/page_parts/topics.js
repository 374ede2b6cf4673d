// Topics, and broader ones that hold them -> a tree with switches; a name is a way to its rows.

function makeTree() {
  const roots = map.layers.at(-1).topics;
  byId("topics").replaceChildren(...roots.map((topic) => branch(topic, map.layers.length - 1)));
  const unassigned = map.topics.findIndex(({ id }) => id === -1);
  const size = map.topics[unassigned]?.size ?? 0;
  byId("unassigned-size").textContent = `${whole(size)} (${share(size / map.allRows)})`;
  byId("unassigned").addEventListener("change", (event) => switchTopics([unassigned], event.target.checked));
  const all = map.layers[0].topics.flatMap(({ members }) => members);
  byId("all-topics").addEventListener("click", () => switchTopics(all, true));
  byId("no-topics").addEventListener("click", () => switchTopics(all, false));
}

function branch(topic, depth) {
  const inner = depth ? map.layers[depth - 1].topics.filter(({ parent }) => parent === topic.id) : [];
  if (inner.length === 0) return entry(topic, "div", true);
  // A broader topic of one topic says nothing more.
  if (inner.length === 1) return branch(inner[0], depth - 1);
  const twist = element("button", { type: "button", className: "twist", text: "▸", "aria-label": "Show its topics" });
  const details = element("details", {}, entry(topic, "summary", false, twist), ...inner.map((one) => branch(one, depth - 1)));
  twist.addEventListener("click", (event) => {
    event.preventDefault();
    details.open = !details.open;
  });
  details.addEventListener("toggle", () => (twist.textContent = details.open ? "▾" : "▸"));
  details.open = map.layers[0].topics.length <= 40;
  return details;
}

function entry(topic, tag, isLeaf, ...before) {
  const box = element("input", { type: "checkbox", "aria-label": `Show ${topic.label}` });
  box.checked = true;
  topic.boxes = [...(topic.boxes ?? []), box];
  box.addEventListener("change", () => switchTopics(topic.members, box.checked));
  const swatch = element("span", { className: "swatch" });
  swatch.style.setProperty("--tint", topic.colour);
  const name = element("button", { type: "button", className: "name", text: topic.label, dir: "auto" });
  name.title = topic.keywords?.length ? `${topic.label}: ${topic.keywords.join(", ")}` : topic.label;
  if (!isLeaf) name.style.fontWeight = 600;
  name.addEventListener("click", (event) => {
    event.preventDefault();
    const opening = map.wanted.topic?.topic !== topic;
    focusTopic(topic);
    if (opening) showTopic(topic);
  });
  const size = element("span", { className: "size", text: whole(topic.size) });
  return element(tag, { className: "topic" }, ...before, box, ...(isLeaf ? [swatch] : []), name, size);
}

function showTopic(topic) {
  goToPlace(topic.x, topic.y, Math.max(map.view.scale, map.first * 1.6));
}

function switchTopics(members, on) {
  for (const fine of members) on ? map.off.delete(fine) : map.off.add(fine);
  for (const { topics } of map.layers)
    for (const topic of topics)
      for (const box of topic.boxes ?? []) {
        const shown = topic.members.filter((fine) => !map.off.has(fine)).length;
        box.checked = shown > 0;
        box.indeterminate = shown > 0 && shown < topic.members.length;
      }
  refresh();
}
