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
  const byTopic = topicMap.topics.map((topic) => plain(`${topic.label}\n${topic.keywords.join(" ")}`));
  const found = new Uint8Array(topicMap.count);
  for (let i = 0; i < topicMap.count; i++) {
    const label = byTopic[topicMap.topic[i]];
    const text = topicMap.haystack[i];
    found[i] = words.every((word) => text.includes(word) || label.includes(word)) ? 1 : 0;
  }
  return found;
}

function findTopic(topic) {
  const inside = new Set(topic.members);
  return Uint8Array.from(topicMap.topic, (one) => (inside.has(one) ? 1 : 0));
}

function isShown(topic) {
  return topic.members.some((fine) => !topicMap.off.has(fine));
}

// Look anew at all that is wanted; everything that shows rows follows.
function refresh() {
  const wanted = Object.values(topicMap.wanted).filter(Boolean);
  const states = new Uint8Array(topicMap.count);
  const starts = [0, 0, 0, 0, 0];
  const found = [];
  topicMap.foundIn = new Uint8Array(topicMap.topics.length);
  for (let i = 0; i < topicMap.count; i++) {
    const topic = topicMap.topic[i];
    let state = HIDDEN;
    if (!topicMap.off.has(topic) && !topicMap.switchedOff?.[i]) {
      if (wanted.length) state = wanted.every(({ rows }) => rows[i]) ? FOUND : QUIET;
      else state = topicMap.topics[topic].id === -1 && topicMap.colouring.isTopic ? QUIET : PLAIN;
    }
    if (state === FOUND) {
      topicMap.foundIn[topic] = 1;
      found.push(i);
    }
    states[i] = state;
    starts[state + 1]++;
  }
  for (let state = 1; state < 5; state++) starts[state] += starts[state - 1];
  topicMap.ranges = [QUIET, PLAIN, FOUND].map((state) => ({ state, first: starts[state], count: starts[state + 1] - starts[state] }));
  const order = new Uint32Array(topicMap.count);
  const next = [...starts];
  for (let i = 0; i < topicMap.count; i++) order[next[states[i]]++] = i;
  topicMap.states = states;
  topicMap.order = order;
  topicMap.found = wanted.length ? found : null;
  topicMap.painter.setOrder(order);
  topicMap.placed = null;
  dimNames();
  showChips();
  if (!byId("drawer").hidden) showTable();
  redraw();
}

function want(kind, wish) {
  topicMap.wanted[kind] = wish;
  if (wish && kind !== "words") openTable(true);
  refresh();
}

function search() {
  const words = searchWords(byId("search").value);
  topicMap.words = words;
  want("words", words.length ? { rows: findWords(words), text: `“${byId("search").value.trim()}”` } : null);
  openTable(Object.values(topicMap.wanted).some(Boolean));
}

function focusTopic(topic) {
  want("topic", topicMap.wanted.topic?.topic === topic ? null : { rows: findTopic(topic), text: topic.label, topic });
}

function clearFound() {
  topicMap.wanted = {};
  topicMap.words = [];
  byId("search").value = "";
  setRoping(false);
  hideOver();
  topicMap.marked = -1;
  openTable(false);
  refresh();
}

function showChips() {
  const chips = Object.entries(topicMap.wanted).filter(([, wish]) => wish);
  byId("chips").replaceChildren(
    ...chips.map(([kind, wish]) => {
      const chip = element("button", { type: "button", text: `${wish.text} ✕`, title: "Take this away" });
      chip.addEventListener("click", () => {
        if (kind === "words") byId("search").value = "";
        if (kind === "words") topicMap.words = [];
        want(kind, null);
        openTable(Object.values(topicMap.wanted).some(Boolean));
        byId("stage").focus({ preventScroll: true });
      });
      return chip;
    }),
  );
}
