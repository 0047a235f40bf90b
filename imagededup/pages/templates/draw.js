// Elements of items. Text only ever becomes text: names are not trusted.

function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.startsWith("aria")) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

// Pictures get their pixels when they come near the window; those not read yet wait for the file.
const waiting = new Set();
const watcher = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) fill(target);
}, { rootMargin: "600px" });

function fill(image) {
  const source = thumbnail(Number(image.dataset.thumbnail));
  if (source) {
    image.src = source;
    watcher.unobserve(image);
    waiting.delete(image);
  } else {
    if (!waiting.size) setTimeout(fillWaiting, 100);
    waiting.add(image);
  }
}

function fillWaiting() {
  const images = [...waiting].filter((image) => image.isConnected);
  waiting.clear();
  images.forEach(fill);
}

function image(picture) {
  return make("img", { alt: picture.text, "data-thumbnail": picture.thumbnail, decoding: "async", draggable: false });
}

function frame(picture, onclick) {
  if (picture.thumbnail < 0) return make("div", { className: "frame none" }, picture.reason);
  const shown = image(picture);
  watcher.observe(shown);
  return make("button", { type: "button", className: "frame", "aria-label": `Larger: ${picture.text}`, onclick }, shown);
}

function nameElement({ text }) {
  const end = text.lastIndexOf("/") + 1;
  return make("span", { className: "name", title: text }, end ? make("span", { className: "folder" }, text.slice(0, end)) : "", ...breakable(text.slice(end)));
}

// A long name may go on in the next line behind its marks.
function breakable(text) {
  const parts = text.match(/[^-_.,]*[-_.,]*/g).filter(Boolean);
  return parts.flatMap((part, place) => (place ? [make("wbr"), part] : [part]));
}

function detailsElement(picture, other, long) {
  const strong = (text, is) => (is ? make("b", {}, text) : text);
  const larger = other && picture.width * picture.height > other.width * other.height;
  const parts = [];
  if (picture.width) parts.push(strong(`${grouped(picture.width)} × ${grouped(picture.height)}`, larger));
  if (picture.bytes >= 0) parts.push(strong(bytesText(picture.bytes), other && picture.bytes > other.bytes));
  if (picture.bytes >= 0) parts.push(long ? `changed ${dateText(picture.modified, true)}` : dateText(picture.modified));
  if (picture.taken && long) parts.push(`taken ${picture.taken}`);
  const words = parts.map((part) => make("span", { className: "word" }, part));
  return make("span", { className: "details" }, ...words.flatMap((word, place) => (place ? [" · ", word] : [word])));
}

function linkTo(picture) {
  if (!picture.address) return "";
  return make("a", { href: picture.address, target: "_blank", rel: "noreferrer", "aria-label": `Open the file ${picture.text}` }, "Open file");
}

function markButton(picture, section) {
  if (!section.canMark) return "";
  if (picture.stays) return make("span", { className: "quiet" }, "reference: stays");
  if (!canMark(picture.id)) return "";
  const onclick = () => toggleMark(picture.id);
  return make("button", { type: "button", className: "mark", "data-mark": picture.id, "aria-label": `Mark ${picture.text}`, onclick }, "Mark");
}

function shot(item, place, other, note, long) {
  const picture = pictures[item.pictures[place]];
  const caption = make("figcaption", {},
    nameElement(picture),
    note ? make("span", {}, note) : "",
    detailsElement(picture, other, long),
    make("span", { className: "warning", hidden: true }),
    make("span", { className: "links" }, markButton(picture, item.section), linkTo(picture)));
  const top = long ? "" : frame(picture, () => openViewer(item, place));
  return make("figure", { className: "shot", "data-picture": picture.id, "data-place": place }, top, caption);
}

function compareButton(item) {
  return make("button", { type: "button", onclick: () => openViewer(item) }, "Compare");
}

function itemElement(item) {
  const heading = make("h3", {}, itemTitle(item));
  const top = make("div", { className: "item-top" }, item.relation ? make("span", { className: "chip" }, item.relation) : "", heading);
  const element = make("article", { className: "item", tabIndex: -1, "data-place": item.place, "aria-label": `${itemTitle(item)}: ${item.pictures.slice(0, 2).map((id) => pictures[id].text).join(", ")}` });
  DRAW[item.section.kind](item, element, top);
  return element;
}

function itemTitle(item) {
  const { section } = item;
  if (section.kind === "pairs") return item.score === null ? `Pair ${grouped(item.place + 1)}` : `${section.score} ${scoreText(item.score, section)}`;
  if (section.kind === "groups") return item.title || `Group ${grouped(item.place + 1)}`;
  return item.caption || pictures[item.pictures[0]].text;
}

const DRAW = {
  pairs(item, element, top) {
    const [left, right] = item.pictures.map((id) => pictures[id]);
    top.append(item.detail ? make("span", { className: "quiet" }, item.detail) : "", compareButton(item));
    element.append(top, make("div", { className: "sides" }, shot(item, 0, right), shot(item, 1, left)));
  },
  groups(item, element, top) {
    top.append(make("span", { className: "quiet" }, groupText(item)), item.pictures.length > 1 ? compareButton(item) : "");
    const members = make("div", { className: "members" });
    const more = make("button", { type: "button", className: "more" });
    const add = (end) => {
      for (let place = members.children.length; place < Math.min(end, item.pictures.length); place += 1) {
        members.append(shot(item, place, place ? pictures[item.pictures[0]] : null, item.notes[place] || linkText(item, place)));
      }
      const left = item.pictures.length - members.children.length;
      more.hidden = left === 0;
      more.textContent = `Show ${grouped(Math.min(left, MEMBERS_MORE))} more of ${grouped(left)}`;
      refreshMarks(members);
    };
    more.addEventListener("click", () => add(members.children.length + MEMBERS_MORE));
    element.append(top, members, more);
    if (item.leftOut) element.append(make("p", { className: "quiet more" }, `${counted(item.leftOut, "more picture")} of this group not in this page`));
    add(MEMBERS_FIRST);
  },
  pictures(item, element, top) {
    element.append(shot(item, 0, null, item.caption));
  },
};
const MEMBERS_FIRST = 24, MEMBERS_MORE = 120;

// How a member is related to the first one, where they match directly.
function linkText(item, place) {
  const [first, own] = [item.classAt(0), item.classAt(place)];
  if (place === 0) return "";
  const found = first === own ? own : own.links.find(({ to }) => to === first);
  return found ? [found.relation, `${item.section.score} ${scoreText(found.score, item.section)}`].filter(Boolean).join(", ") : "matches others only";
}

// The size of a group, and how tight it is.
function groupText(item) {
  const { section, pictures: ids, best, worst, direct, leftOut } = item;
  const parts = [counted(ids.length + leftOut, "picture")];
  if (best !== null) {
    const [low, high] = section.ascending ? [best, worst] : [worst, best];
    parts.push(`${section.score} ${scoreText(low, section)}${low === high ? "" : ` – ${scoreText(high, section)}`}`);
  }
  const all = ids.length * (ids.length - 1) / 2;
  if (direct && !leftOut && all > 1) parts.push(direct === all ? "every pair matches directly" : `${grouped(direct)} of ${grouped(all)} pairs match directly`);
  return parts.join(" · ");
}

// What is marked, what stays for it, and what nothing stays for.
function refreshMarks(root = document) {
  const someGo = new Map();
  for (const figure of root.querySelectorAll("figure[data-picture]")) {
    const id = Number(figure.dataset.picture), isMarked = marks.has(id), section = sectionOf(figure);
    if (!section?.canMark) continue;
    const partner = isMarked ? partnerOf(id) : null;
    figure.classList.toggle("goes", isMarked);
    const around = figure.parentElement;
    if (!someGo.has(around)) someGo.set(around, [...around.children].some((other) => marks.has(Number(other.dataset.picture))));
    figure.classList.toggle("stays", !isMarked && someGo.get(around));
    const warning = figure.querySelector(".warning");
    warning.hidden = !isMarked || partner !== null;
    warning.textContent = isMarked && !partner ? "Nothing that matches it stays: left out of the list." : "";
    const button = figure.querySelector("[data-mark]");
    if (button) { button.setAttribute("aria-pressed", isMarked); button.textContent = isMarked ? "Marked" : "Mark"; }
  }
}

function sectionOf(element) {
  const place = element.closest("[data-section]") || element.closest("#viewer");
  return place?.id === "viewer" ? viewer.item?.section : sections[place?.dataset.section] ?? lists.current?.section;
}
