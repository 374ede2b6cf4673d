// Topics -> their names on the map, none on another: the finest layer whose names mostly find room at this scale.

const ROOM = 0.5; // share of a layer's names that must find room

function makeNames() {
  const holder = byId("names");
  topicMap.names = topicMap.layers.map(({ name, topics }) => ({
    name,
    topics: topics.map((topic) => {
      const button = element("button", { type: "button", text: topic.label, dir: "auto", tabindex: "-1" });
      button.style.setProperty("--tint", topic.colour);
      button.topic = topic;
      holder.append(button);
      return { topic, button };
    }),
  }));
}

// Widths are read once: asking the browser for them in every frame would lay the page out every time.
function sizeNames() {
  for (const [depth, { topics }] of topicMap.names.entries()) {
    const largest = Math.max(1, ...topics.map(({ topic }) => topic.size));
    const least = 12.5 + 1.5 * depth;
    for (const { topic, button } of topics)
      button.style.fontSize = `${(least + 4.5 * Math.sqrt(topic.size / largest)).toFixed(1)}px`;
  }
  for (const { topics } of topicMap.names)
    for (const one of topics) [one.width, one.height] = [one.button.offsetWidth, one.button.offsetHeight];
  topicMap.placed = null;
}

// The places depend on the scale alone, so that no name comes or goes while the map is moved.
function placeNames(scale) {
  const wish = byId("layer").value;
  const tried = (layer) => ({ layer, boxes: placeLayer(layer.topics, scale) });
  const chosen = topicMap.names.filter(({ name }) => wish === "auto" || wish === name);
  let best = null;
  for (const layer of chosen) {
    best = tried(layer);
    if (best.boxes.length >= ROOM * layer.topics.filter(({ topic }) => isShown(topic)).length) break;
  }
  return { scale, layer: best?.layer, boxes: best?.boxes ?? [] };
}

function placeLayer(topics, scale) {
  const boxes = [];
  for (const one of topics) {
    if (!isShown(one.topic)) continue;
    for (const shift of [0, -0.7, 0.7, -1.3, 1.3]) {
      const left = one.topic.x * scale - one.width / 2;
      const top = -one.topic.y * scale - one.height / 2 + shift * one.height;
      const box = { one, left, top, right: left + one.width, bottom: top + one.height };
      if (boxes.some((other) => meet(box, other))) continue;
      boxes.push(box);
      break;
    }
  }
  return boxes;
}

function meet(one, other) {
  return one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;
}

function drawNames(view) {
  if (topicMap.placed?.scale !== view.scale) {
    topicMap.placed = placeNames(view.scale);
    const placed = new Set(topicMap.placed.boxes.map(({ one }) => one));
    for (const { topics } of topicMap.names)
      for (const one of topics) one.button.classList.toggle("placed", placed.has(one));
  }
  const [left, top] = [view.width / 2 - view.x * view.scale, view.height / 2 + view.y * view.scale];
  for (const box of topicMap.placed.boxes)
    box.one.button.style.transform = `translate(${(left + box.left).toFixed(1)}px, ${(top + box.top).toFixed(1)}px)`;
}

function dimNames() {
  const active = topicMap.found !== null;
  for (const { topics } of topicMap.names)
    for (const { topic, button } of topics)
      button.classList.toggle("dim", active && !topic.members.some((fine) => topicMap.foundIn[fine]));
}
