// Sections, keys, and the bar with what is marked.

function showTab(id) {
  const links = [...document.querySelectorAll(".tabs a")], known = links.map((link) => link.dataset.tab);
  const tab = known.includes(id) ? id : known[0] ?? document.querySelector("[data-tab]")?.dataset.tab;
  for (const link of links) {
    if (link.dataset.tab === tab) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  lists.current = null;
  for (const element of document.querySelectorAll("main [data-tab]")) {
    element.hidden = element.dataset.tab !== tab;
    const list = lists.all.get(element);
    if (!element.hidden && list) {
      lists.current = list;
      if (!list.drawn) list.draw();
      else refreshMarks(list.place);
    }
  }
  showBar();
}

function showBar() {
  const canMarkHere = lists.current?.hasMarks ?? false;
  $("bar").hidden = !canMarkHere && marks.size === 0;
  $("marked").textContent = marks.size ? `${grouped(marks.size)} marked` : "Nothing marked";
  const bytes = [...marks].reduce((sum, id) => sum + Math.max(0, pictures[id].bytes), 0);
  $("marked-size").textContent = marks.size ? bytesText(bytes) : "";
  for (const id of ["clear", "copy", "save"]) $(id).disabled = marks.size === 0;
  $("rule-open").hidden = !canMarkHere;
}

function marksChanged() {
  remember();
  refreshMarks();
  showBar();
}

function toggleMark(id) {
  if (!canMark(id)) return;
  if (!marks.delete(id)) marks.add(id);
  say("");
  marksChanged();
}

function say(...parts) {
  $("status").replaceChildren(...parts.filter(Boolean));
}

const FILE = "marked.jsonl";

function exportList(words) {
  const { lines, alone, text } = markedList();
  const without = alone.length ? ` ${counted(alone.length, "marked picture")} left out: nothing that matches stays.` : "";
  if (!lines.length) { say(`Nothing to save.${without}`); return null; }
  say(`${counted(lines.length, "file")} ${words}.${without} Then `, make("code", {}, `imagededup remove --list ${FILE}`), " says what it would do.");
  return text;
}

function save() {
  const text = exportList(`in ${FILE}`);
  if (text === null) return;
  const address = URL.createObjectURL(new Blob([text], { type: "application/jsonl" }));
  make("a", { href: address, download: FILE }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

async function copy() {
  const text = exportList(`copied; paste into ${FILE}`);
  if (text === null) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { value: text, className: "hidden" });
    document.body.append(area);
    area.select();
    if (!document.execCommand("copy")) say("The browser refuses to copy. Save the list instead.");
    area.remove();
    $("copy").focus();
  }
}

function openRule() {
  const { section, visible } = lists.current, folders = new Map();
  for (const id of new Set(visible.flatMap((item) => item.pictures))) {
    const folder = folderOf(pictures[id]);
    folders.set(folder, (folders.get(folder) || 0) + 1);
  }
  const rows = [...folders].sort(([a], [b]) => (a < b ? -1 : 1));
  const escaped = (text) => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u${character.codePointAt(0).toString(16).padStart(4, "0")}`);
  $("rule-folder").replaceChildren(...rows.map(([folder, count]) => make("option", { value: folder }, `${escaped(folder)} (${grouped(count)})`)));
  $("rule-scope").textContent = `Of the ${counted(visible.length, NOUN[section.kind])} that the filter shows, mark all duplicates but:`;
  $("rule").showModal();
}

function applyRule() {
  const before = [...marks], folder = $("rule-folder").value;
  const count = markByRule(lists.current.visible, $("rule-keep").value, folder);
  const undo = make("button", { type: "button", className: "plain", onclick: () => { marks.clear(); before.forEach((id) => marks.add(id)); say(""); marksChanged(); } }, "Undo");
  say(`${counted(count, "picture")} marked.`, undo);
  marksChanged();
}

const KEYS = {
  j: () => lists.current.move(1), k: () => lists.current.move(-1),
  ArrowRight: () => lists.current.choose(1), ArrowLeft: () => lists.current.choose(-1),
  x: () => { const figure = lists.current.chosen(); if (figure) toggleMark(Number(figure.dataset.picture)); },
  " ": () => { const { item } = lists.current, figure = lists.current.chosen(); if (item) openViewer(item, figure ? Number(figure.dataset.place) : null); },
};
const VIEWER_KEYS = {
  j: () => moveViewer(1), k: () => moveViewer(-1),
  ArrowRight: () => moveMember(1), ArrowLeft: () => moveMember(-1),
  x: () => toggleMark(viewerChosen()),
  " ": () => { if (viewer.mode === "blink") flip(); else enterMode("blink"); },
  ...Object.fromEntries(["slider", "blink", "difference", "beside"].map((mode, place) => [String(place + 1), () => enterMode(mode)])),
};

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { target, key } = event, inViewer = $("viewer").open;
  const isRange = target.matches?.("input[type=range]");
  if (!isRange && target.matches?.("input:not([type=checkbox]), select, textarea")) return;
  if (isRange && key.startsWith("Arrow") && viewer.item.pictures.length < 3) return;
  if (key === " " && target.matches?.("button, a, summary, input[type=checkbox]")) return;
  if ($("rule").open || $("help").open) return;
  if (key === "?") { event.preventDefault(); $("help").showModal(); return; }
  const action = inViewer ? VIEWER_KEYS[key] : lists.current && KEYS[key];
  if (!action) return;
  event.preventDefault();
  action();
});

document.addEventListener("focusin", ({ target }) => {
  const element = target.closest?.(".items > .item");
  if (!element || !lists.current) return;
  lists.current.focused = [...element.parentElement.children].indexOf(element);
  const figure = target.closest("figure");
  if (figure) lists.current.setChosen(figure);
});

$("help-open").addEventListener("click", () => $("help").showModal());
$("rule-open").addEventListener("click", openRule);
$("rule").addEventListener("submit", ({ submitter }) => { if (submitter?.value === "mark") applyRule(); });
$("rule-keep").addEventListener("change", () => { $("rule-folder-label").hidden = $("rule-keep").value !== "folder"; });
$("clear").addEventListener("click", () => { marks.clear(); say(""); marksChanged(); });
$("save").addEventListener("click", save);
$("copy").addEventListener("click", copy);
for (const link of document.querySelectorAll(".tabs a")) {
  link.addEventListener("click", (event) => { // within a notebook's frame the address is no page's
    event.preventDefault();
    try { history.replaceState(null, "", link.hash); } catch { /* then it is not kept */ }
    showTab(link.dataset.tab);
  });
}
addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if ([...document.querySelectorAll(".tabs a")].some((link) => link.dataset.tab === id)) showTab(id);
});

for (const root of document.querySelectorAll("section[data-section]")) {
  lists.all.set(root, new List(sections[root.dataset.section], root));
}
recall();
showTab(location.hash.slice(1));
