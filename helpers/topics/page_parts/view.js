// Pointer, wheel and keys -> what part of the map is seen: its middle (x, y) and pixels per unit (scale).

const FURTHEST = 0.7; // of the scale at which all points are seen
const NEAREST = 150; // times the first scale

function project(view, x, y) {
  return [(x - view.x) * view.scale + view.width / 2, view.height / 2 - (y - view.y) * view.scale];
}

function unproject(view, left, top) {
  return [(left - view.width / 2) / view.scale + view.x, (view.height / 2 - top) / view.scale + view.y];
}

// The part of the window that no panel covers, as [left, right] in pixels.
function freeWidth() {
  const panel = byId("panel").getBoundingClientRect();
  const beside = panel.width && panel.width < innerWidth / 2;
  return [beside ? panel.right : 0, innerWidth - (beside ? 56 : 0)];
}

function fitted(view, [left, right, bottom, top]) {
  const [from, to] = freeWidth();
  const scale = Math.min((to - from) / Math.max(right - left, 1e-6), view.height / Math.max(top - bottom, 1e-6)) * 0.94;
  const middle = (from + to - view.width) / 2;
  return { ...view, scale, x: (left + right) / 2 - middle / scale, y: (bottom + top) / 2 };
}

function zoomed(view, factor, left = view.width / 2, top = view.height / 2) {
  const scale = Math.min(Math.max(view.scale * factor, view.least), view.most);
  const [x, y] = unproject(view, left, top);
  const change = view.scale / scale;
  return { ...view, scale, x: x + (view.x - x) * change, y: y + (view.y - y) * change };
}

function moved(view, right, down) {
  return { ...view, x: view.x - right / view.scale, y: view.y + down / view.scale };
}

// Go there in a third of a second, or at once where motion is not wanted.
function goTo(target) {
  const from = topicMap.view;
  const began = performance.now();
  const long = matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 300;
  const journey = (topicMap.journey = {});
  const step = (now) => {
    if (topicMap.journey !== journey) return;
    const share = long ? Math.min((now - began) / long, 1) : 1;
    const eased = share * (2 - share);
    const scale = from.scale * (target.scale / from.scale) ** eased;
    const middle = { x: from.x + (target.x - from.x) * eased, y: from.y + (target.y - from.y) * eased };
    topicMap.view = { ...topicMap.view, ...middle, scale };
    redraw();
    if (share < 1) requestAnimationFrame(step);
  };
  step(began);
}

// The first view, and from there all points, those far from the others too.
function goHome() {
  const first = fitted(topicMap.view, topicMap.firstBounds);
  const near = ["x", "y", "scale"].every((name) => Math.abs(topicMap.view[name] - first[name]) < 1e-6 * first.scale);
  goTo(near ? fitted(topicMap.view, topicMap.bounds) : first);
}

function showView(view) {
  topicMap.journey = null;
  topicMap.view = view;
  redraw();
}

function goToPlace(x, y, scale = topicMap.view.scale) {
  const [from, to] = freeWidth();
  const drawer = byId("drawer");
  const covered = drawer.hidden ? 0 : drawer.getBoundingClientRect().height;
  const middle = (from + to - topicMap.view.width) / 2;
  goTo({ ...topicMap.view, scale, x: x - middle / scale, y: y - covered / 2 / scale });
}

function watchGestures(stage) {
  const fingers = new Map();
  let travelled = 0;
  let roping = false;
  const at = (event) => [event.clientX, event.clientY];

  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    fingers.set(event.pointerId, at(event));
    travelled = 0;
    if (topicMap.rope) dropRope(); // a second finger: the map is pinched
    roping = fingers.size === 1 && (topicMap.roping || event.shiftKey);
    if (roping) startRope(at(event));
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return event.pointerType === "mouse" && hoverAt(...at(event), event.target);
    const now = at(event);
    const [right, down] = [now[0] - before[0], now[1] - before[1]];
    travelled += Math.hypot(right, down);
    if (travelled < 4) return;
    // Only now: a captured pointer takes the click away from a name.
    stage.setPointerCapture(event.pointerId);
    hideOver();
    if (roping) extendRope(now);
    else if (fingers.size === 1) {
      stage.classList.add("moving");
      showView(moved(topicMap.view, right, down));
    } else if (fingers.size === 2) {
      const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
      const spread = (one) => Math.max(Math.hypot(one[0] - other[0], one[1] - other[1]), 1);
      const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2];
      showView(moved(zoomed(topicMap.view, spread(now) / spread(before), ...middle), right / 2, down / 2));
    }
    fingers.set(event.pointerId, now);
  });
  const lift = (event) => {
    if (!fingers.delete(event.pointerId)) return;
    stage.classList.remove("moving");
    if (roping) event.type === "pointerup" ? endRope() : dropRope();
    else if (event.type === "pointerup" && travelled < 4) clickAt(...at(event), event.target);
    roping = false;
  };
  stage.addEventListener("pointerup", lift);
  stage.addEventListener("pointercancel", lift);
  stage.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hideOver());
  stage.addEventListener("dblclick", (event) => goTo(zoomed(topicMap.view, 2, ...at(event))));
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 20 : 1;
      showView(zoomed(topicMap.view, Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.002)), ...at(event)));
    },
    { passive: false },
  );
}

function watchKeys(stage) {
  const far = 80;
  const moves = { ArrowLeft: [far, 0], ArrowRight: [-far, 0], ArrowUp: [0, far], ArrowDown: [0, -far] };
  const press = { "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "home", l: "lasso", t: "list", d: "theme" };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("select, textarea, dialog")) return;
    if (event.key === "Escape") return topicMap.rope ? dropRope() : clearFound();
    if (event.target.closest("input:not([type=checkbox])")) return;
    if (event.key === "/") byId("search").focus();
    else if (moves[event.key] && event.target.closest("#stage, body") && !event.target.closest("section"))
      showView(moved(topicMap.view, ...moves[event.key]));
    else if (press[event.key]) byId(press[event.key]).click();
    else return;
    event.preventDefault();
  });
}
