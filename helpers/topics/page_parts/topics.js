// Topics, and broader ones that hold them -> a tree with switches; a name is a way to its rows.

function makeTree() {
  const roots = topicMap.layers.at(-1).topics;
  byId("topics").replaceChildren(...roots.map((topic) => branch(topic, topicMap.layers.length - 1)));
  const unassigned = topicMap.topics.findIndex(({ id }) => id === -1);
  const size = topicMap.topics[unassigned]?.size ?? 0;
  byId("unassigned-size").textContent = `${whole(size)} (${percent(size / topicMap.allRows)})`;
  byId("unassigned").addEventListener("change", (event) => switchTopics([unassigned], event.target.checked));
  const all = topicMap.layers[0].topics.flatMap(({ members }) => members);
  byId("all-topics").addEventListener("click", () => switchTopics(all, true));
  byId("no-topics").addEventListener("click", () => switchTopics(all, false));
}

function branch(topic, depth) {
  const inner = depth ? topicMap.layers[depth - 1].topics.filter(({ parent }) => parent === topic.id) : [];
  if (inner.length === 0) return entry(topic);
  // A broader topic of one topic says nothing more.
  if (inner.length === 1) return branch(inner[0], depth - 1);
  const twist = element("button", { type: "button", className: "twist", "aria-label": `Topics in ${topic.label}` });
  const held = element("div", { className: "held", role: "group", "aria-label": topic.label });
  held.append(...inner.map((one) => branch(one, depth - 1)));
  const open = (on) => {
    held.hidden = !on;
    twist.textContent = on ? "▾" : "▸";
    twist.setAttribute("aria-expanded", String(on));
  };
  twist.addEventListener("click", () => open(held.hidden));
  open(topicMap.layers[0].topics.length <= 40);
  return element("div", {}, entry(topic, twist), held);
}

function entry(topic, twist) {
  const box = element("input", { type: "checkbox", "aria-label": `Show ${topic.label}` });
  box.checked = true;
  box.addEventListener("change", () => switchTopics(topic.members, box.checked));
  const swatch = element("span", { className: "swatch" });
  const name = element("button", { type: "button", className: "name", text: topic.label, dir: "auto" });
  name.title = topic.keywords?.length ? `${topic.label}: ${topic.keywords.join(", ")}` : topic.label;
  if (twist) name.style.fontWeight = 600;
  name.addEventListener("click", () => {
    const opening = topicMap.wanted.topic?.topic !== topic;
    focusTopic(topic);
    if (opening) showTopic(topic);
  });
  Object.assign(topic, { box, swatch });
  const size = element("span", { className: "size", text: whole(topic.size) });
  return element("div", { className: "topic" }, ...(twist ? [twist] : []), box, swatch, name, size);
}

// Swatches follow the colours on the map: a topic has its own, or that of the broader one that holds it.
function tintTree(colouring) {
  const depth = topicMap.layers.indexOf(colouring.layer);
  topicMap.layers.forEach((layer, at) => {
    for (const topic of layer.topics) {
      if (!topic.swatch) continue;
      topic.swatch.hidden = !colouring.isTopic || at > depth;
      const holder = topicMap.layers[depth]?.topics.find(({ members }) => members.includes(topic.members[0]));
      if (!topic.swatch.hidden) topic.swatch.style.setProperty("--tint", holder.colour);
    }
  });
}

function showTopic(topic) {
  goToPlace(topic.x, topic.y, Math.max(topicMap.view.scale, topicMap.firstScale * 1.6));
}

function switchTopics(members, on) {
  for (const fine of members) on ? topicMap.off.delete(fine) : topicMap.off.add(fine);
  for (const { topics } of topicMap.layers)
    for (const topic of topics) {
      const shown = topic.members.filter((fine) => !topicMap.off.has(fine)).length;
      if (topic.box) topic.box.checked = shown > 0;
      if (topic.box) topic.box.indeterminate = shown > 0 && shown < topic.members.length;
    }
  refresh();
}
