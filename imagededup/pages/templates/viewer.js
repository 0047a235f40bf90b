// The larger view: two pictures under a slider, blinking, their difference, or side by side.

const viewer = { item: null, left: 0, right: null, mode: "slider", list: null };

function openViewer(item, place = null) {
  const last = item.pictures.length - 1;
  viewer.list = lists.current;
  Object.assign(viewer, { item, left: 0, right: last < 1 ? null : place || 1 });
  if (!$("viewer").open) $("viewer").showModal();
  drawViewer();
  $("slider").focus();
}

function moveViewer(step) {
  const { visible } = viewer.list, next = visible[visible.indexOf(viewer.item) + step];
  if (next) openViewer(next);
}

function moveMember(step) {
  if (viewer.right === null) return;
  viewer.right = Math.min(viewer.item.pictures.length - 1, Math.max(1, viewer.right + step));
  drawViewer();
}

function drawViewer() {
  const { item, left, right } = viewer, isSingle = right === null;
  const one = pictures[item.pictures[left]], other = isSingle ? null : pictures[item.pictures[right]];
  viewer.isSingle = isSingle;
  viewer.geometry = isSingle ? {} : geometry(one.id, other.id);
  viewer.canLay = !isSingle && one.thumbnail >= 0 && other.thumbnail >= 0;
  const many = item.pictures.length > 2 ? ` · ${right + 1} of ${grouped(item.pictures.length)}` : "";
  const words = item.classAt && !isSingle ? [linkText(item, right)] : [item.relation];
  $("viewer-title").textContent = [...words, itemTitle(item)].filter(Boolean).join(" · ") + many;
  setLayer($("over"), one);
  setLayer($("base"), other || one);
  const facts = isSingle ? [shot(item, left, null, "", true)] : [shot(item, left, other, "", true), shot(item, right, one, item.notes?.[right] ?? "", true)];
  $("viewer-facts").replaceChildren(...facts);
  document.querySelector(".modes").hidden = !viewer.canLay;
  const place = viewer.list.visible.indexOf(item);
  $("viewer-back").disabled = place <= 0;
  $("viewer-on").disabled = place >= viewer.list.visible.length - 1;
  refreshMarks($("viewer"));
  setMode(viewer.mode);
}

function setLayer(layer, picture) {
  if (picture.thumbnail < 0) { layer.replaceChildren(make("div", { className: "frame none" }, picture.reason)); return; }
  const shown = image(picture);
  layer.replaceChildren(shown);
  fill(shown);
}

// From the keyboard: what the mode needs gets the focus.
function enterMode(mode) {
  if (!viewer.canLay) return;
  setMode(mode);
  const target = { slider: $("slider"), blink: $("flip") }[mode] ?? document.querySelector(`[data-mode=${mode}]`);
  target.focus();
}

function setMode(mode) {
  viewer.mode = mode;
  const wasFlipped = $("stage").classList.contains("flipped");
  const drawn = viewer.isSingle ? "single" : viewer.canLay ? mode : "beside";
  $("stage").className = `stage ${drawn}`;
  $("stage").classList.toggle("flipped", wasFlipped && drawn === "blink");
  for (const button of document.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", button.dataset.mode === mode);
  $("slider-label").hidden = drawn !== "slider";
  $("flip").hidden = drawn !== "blink";
  const isLaid = viewer.geometry.matrix && viewer.canLay;
  $("viewer-note").textContent = drawn === "single" || drawn === "beside" ? "" : isLaid ? "Laid on each other as they match." : "";
  layOut(drawn);
  showNow();
}

// Where the pictures lie: each fills the stage; one that is mapped lies where it matches the other.
function layOut(drawn) {
  const stage = $("stage"), [over, base] = [$("over"), $("base")], [width, height] = [stage.clientWidth, stage.clientHeight];
  const one = pictures[viewer.item.pictures[viewer.left]], other = viewer.isSingle ? one : pictures[viewer.item.pictures[viewer.right]];
  over.hidden = drawn === "single";
  $("region").hidden = true;
  const half = (width - 12) / 2;
  setBox(over, drawn === "beside" ? [0, 0, half, height] : [0, 0, width, height]);
  setBox(base, drawn === "beside" ? [half + 12, 0, half, height] : [0, 0, width, height]);
  const matrix = drawn !== "beside" && drawn !== "single" && viewer.geometry.matrix;
  const size = drawn === "beside" ? [half, height] : [width, height];
  const frames = matrix ? laid(one, other, matrix, size) : [fitted(one, size), fitted(other, size)];
  place(over, frames[0], matrix);
  place(base, frames[1], null);
  viewer.box = matrix ? frames[2] : union(frames[0], frames[1]);
  const { region } = viewer.geometry;
  if (region && drawn !== "single") {
    const [x, y, w, h] = frames[1], shift = drawn === "beside" ? half + 12 : 0;
    setBox($("region"), [shift + x + region[0] * w, y + region[1] * h, (region[2] - region[0]) * w, (region[3] - region[1]) * h]);
    $("region").hidden = drawn === "difference" || drawn === "slider";
  }
  moveSlider();
}

function fitted({ width, height }, [w, h]) {
  const scale = Math.min(w / (width || 1), h / (height || 1));
  return [(w - width * scale) / 2, (h - height * scale) / 2, width * scale, height * scale];
}

// The left picture is mapped onto the right one, and both are fitted together.
function laid(one, other, [[a, b, x], [c, d, y]], [w, h]) {
  const corners = [[0, 0], [one.width, 0], [0, one.height], [one.width, one.height]].map(([u, v]) => [a * u + b * v + x, c * u + d * v + y]);
  const xs = [0, other.width, ...corners.map((corner) => corner[0])], ys = [0, other.height, ...corners.map((corner) => corner[1])];
  const [left, top] = [Math.min(...xs), Math.min(...ys)], size = { width: Math.max(...xs) - left, height: Math.max(...ys) - top };
  const box = fitted(size, [w, h]), scale = box[2] / size.width;
  const right = [box[0] - left * scale, box[1] - top * scale, other.width * scale, other.height * scale];
  return [[right[0], right[1], one.width * scale, one.height * scale, scale], right, box];
}

function union(one, other) {
  const left = Math.min(one[0], other[0]), top = Math.min(one[1], other[1]);
  return [left, top, Math.max(one[0] + one[2], other[0] + other[2]) - left, Math.max(one[1] + one[3], other[1] + other[3]) - top];
}

function place(layer, [x, y, w, h, scale], matrix) {
  const shown = layer.querySelector("img");
  if (!shown) return;
  setBox(shown, [x, y, w, h]);
  shown.style.transform = matrix ? `matrix(${matrix[0][0]},${matrix[1][0]},${matrix[0][1]},${matrix[1][1]},${matrix[0][2] * scale},${matrix[1][2] * scale})` : "";
}

function setBox(element, [x, y, w, h]) {
  Object.assign(element.style, { left: `${x}px`, top: `${y}px`, width: `${w}px`, height: `${h}px` });
}

function moveSlider() {
  const stage = $("stage"), isSlider = stage.classList.contains("slider"), [x, y, w, h] = viewer.box;
  const at = x + w * $("slider").value / 100;
  $("over").style.clipPath = isSlider ? `inset(0 ${stage.clientWidth - at}px 0 0)` : "";
  $("base").style.clipPath = isSlider ? `inset(0 0 0 ${at}px)` : "";
  setBox($("split"), [at - 1, y, 2, h]);
}

// The picture that x marks: the one that is seen, or else the one that may go.
function viewerChosen() {
  const { item, left, right } = viewer;
  if (right === null || $("stage").classList.contains("flipped")) return item.pictures[left];
  const [first] = item.classes[0].links;
  const leftGoes = !$("stage").classList.contains("blink") && item.pictures.length === 2 && first?.goes && !first.otherGoes;
  return item.pictures[leftGoes ? left : right];
}

function flip() {
  $("stage").classList.toggle("flipped");
  showNow();
}

// Which of the two is seen, in words and beside its facts.
function showNow() {
  const stage = $("stage"), figures = $("viewer-facts").children;
  const isBlink = stage.classList.contains("blink"), place = stage.classList.contains("flipped") ? 0 : 1;
  [...figures].forEach((figure, number) => figure.classList.toggle("now", isBlink && number === place));
  if (isBlink) $("flip").setAttribute("aria-label", `Blink: ${place ? "right" : "left"} picture is shown`);
}

$("viewer").addEventListener("close", () => {
  const { list, item } = viewer, size = PAGE[list.section.kind], place = list.visible.indexOf(item);
  const page = Math.floor(place / size);
  if (page === list.page) list.focus(place % size);
  else list.turn(page, place % size);
});
$("viewer-close").addEventListener("click", () => $("viewer").close());
$("viewer-back").addEventListener("click", () => moveViewer(-1));
$("viewer-on").addEventListener("click", () => moveViewer(1));
$("flip").addEventListener("click", flip);
$("slider").addEventListener("input", moveSlider);
for (const button of document.querySelectorAll("[data-mode]")) button.addEventListener("click", () => (button.dataset.mode === "blink" ? enterMode : setMode)(button.dataset.mode));
addEventListener("resize", () => { if ($("viewer").open) setMode(viewer.mode); });
for (const kind of ["pointerdown", "pointermove"]) {
  $("stage").addEventListener(kind, (event) => {
    if (!event.buttons || !$("stage").classList.contains("slider")) return;
    const [x, , w] = viewer.box, at = event.clientX - $("stage").getBoundingClientRect().left;
    $("slider").value = 100 * (at - x) / w;
    moveSlider();
  });
}
