// What is looked for (words, a rope, a topic) and what is switched off -> which points are shown, and which found.

const HIDDEN = 0;
const QUIET = 1;
const PLAIN = 2;
const FOUND = 3;

// Words of a search: those in quotes stay together; all of them must stand in a text.
function searchWords(typed) {
  const parts = plain(typed).match(/"[^"]*"|\S+/g) ?? [];
  return parts.map((part) => part.replace(/^"|"$/g, "")).filter(Boolean);
}

function plain(text) {
  return text.normalize("NFC").toLowerCase();
}

function findWords(words) {
  if (!words.length) return null;
  const byTopic = map.topics.map((topic) => plain(`${topic.label}\n${topic.keywords.join(" ")}`));
  const found = new Uint8Array(map.count);
  for (let i = 0; i < map.count; i++) {
    const label = byTopic[map.topic[i]];
    const text = map.haystack[i];
    found[i] = words.every((word) => text.includes(word) || label.includes(word)) ? 1 : 0;
  }
  return found;
}

function findTopic(topic) {
  const inside = new Set(topic.members);
  return Uint8Array.from(map.topic, (one) => (inside.has(one) ? 1 : 0));
}

function isShown(topic) {
  return topic.members.some((fine) => !map.off.has(fine));
}

// Look anew at all that is wanted; everything that shows rows follows.
function refresh() {
  const wanted = Object.values(map.wanted).filter(Boolean);
  const states = new Uint8Array(map.count);
  const starts = [0, 0, 0, 0, 0];
  const found = [];
  map.foundIn = new Uint8Array(map.topics.length);
  for (let i = 0; i < map.count; i++) {
    const topic = map.topic[i];
    let state = HIDDEN;
    if (!map.off.has(topic) && !map.valueOff?.[i]) {
      if (wanted.length) state = wanted.every(({ rows }) => rows[i]) ? FOUND : QUIET;
      else state = map.topics[topic].id === -1 && map.colouring.isTopic ? QUIET : PLAIN;
    }
    if (state === FOUND) {
      map.foundIn[topic] = 1;
      found.push(i);
    }
    states[i] = state;
    starts[state + 1]++;
  }
  for (let state = 1; state < 5; state++) starts[state] += starts[state - 1];
  map.ranges = [QUIET, PLAIN, FOUND].map((state) => ({ state, first: starts[state], count: starts[state + 1] - starts[state] }));
  const order = new Uint32Array(map.count);
  const next = [...starts];
  for (let i = 0; i < map.count; i++) order[next[states[i]]++] = i;
  map.states = states;
  map.order = order;
  map.found = wanted.length ? found : null;
  map.painter.setOrder(order);
  map.placed = null;
  dimNames();
  showChips();
  if (!byId("drawer").hidden) showTable();
  redraw();
}

function want(kind, wish) {
  map.wanted[kind] = wish;
  if (wish && kind !== "words") openTable(true);
  refresh();
}

function search() {
  const words = searchWords(byId("search").value);
  map.words = words;
  want("words", words.length ? { rows: findWords(words), text: `“${byId("search").value.trim()}”` } : null);
  openTable(Object.values(map.wanted).some(Boolean));
}

function focusTopic(topic) {
  want("topic", map.wanted.topic?.topic === topic ? null : { rows: findTopic(topic), text: topic.label, topic });
}

function clearFound() {
  map.wanted = {};
  map.words = [];
  byId("search").value = "";
  setRoping(false);
  hideOver();
  openTable(false);
  refresh();
}

function showChips() {
  const chips = Object.entries(map.wanted).filter(([, wish]) => wish);
  byId("chips").replaceChildren(
    ...chips.map(([kind, wish]) => {
      const chip = element("button", { type: "button", text: `${wish.text} ✕`, title: "Take this away" });
      chip.addEventListener("click", () => {
        if (kind === "words") byId("search").value = "";
        if (kind === "words") map.words = [];
        want(kind, null);
        openTable(Object.values(map.wanted).some(Boolean));
      });
      return chip;
    }),
  );
}
