"use strict";
// What the page knows: pictures, and the items of its sections in one form.

const $ = (id) => document.getElementById(id);
const content = JSON.parse($("content").textContent);
const FIELDS = ["name", "text", "folder", "address", "width", "height", "bytes", "modified", "taken", "state", "reason", "thumbnail", "stays"];
const pictures = content.pictures.map((row, id) => {
  const picture = { id };
  FIELDS.forEach((field, place) => { picture[field] = row[place]; });
  picture.text ||= picture.name;
  return picture;
});

const READERS = { pairs: readPair, groups: readGroup, pictures: readPicture };
const sections = content.sections.map((section, number) => {
  const read = READERS[section.kind];
  const items = read ? section.items.map((row, place) => ({ section, place, ...read(row, section) })) : [];
  const scores = items.flatMap((item) => [item.worst, item.best]).filter((score) => score !== null);
  Object.assign(section, { number, items, whole: scores.every(Number.isInteger) });
  return section;
});

// The pictures of a class are identical; a link between two classes is one between all of theirs.
function readPair([left, right, score, relation, detail, mayGo, matrix, region]) {
  const classes = [{ members: [left], links: [] }, { members: [right], links: [] }];
  link(classes[0], classes[1], score, relation, mayGo);
  return { pictures: [left, right], classes, best: score, worst: score, score, relations: [relation], relation, detail, matrix, region };
}

function readGroup([ids, links, same, sameScore, sameRelation, title, notes, leftOut], section) {
  const byNumber = new Map();
  ids.forEach((id, place) => {
    const number = same.length ? same[place] : place;
    if (!byNumber.has(number)) byNumber.set(number, { members: [], links: [], score: sameScore, relation: sameRelation });
    byNumber.get(number).members.push(id);
  });
  const classes = [...byNumber.values()];
  const classAt = (place) => byNumber.get(same.length ? same[place] : place);
  const scores = [];
  let direct = 0;
  for (const [left, right, score, relation, mayGo] of links) {
    link(classAt(left), classAt(right), score, relation, mayGo);
    direct += classAt(left).members.length * classAt(right).members.length;
    if (score !== null) scores.push(score);
  }
  for (const { members } of classes) {
    direct += members.length * (members.length - 1) / 2;
    if (members.length > 1 && sameScore !== null) scores.push(sameScore);
  }
  const [best, worst] = extremes(scores, section.ascending);
  const relations = new Set(links.map((each) => each[3]));
  if (classes.some(({ members }) => members.length > 1)) relations.add(sameRelation);
  return { pictures: ids, classes, best, worst, direct, relations: [...relations], title, notes, leftOut, classAt };
}

function readPicture([id, caption, value]) {
  return { pictures: [id], classes: [], best: value, worst: value, relations: [], caption };
}

function link(left, right, score, relation, mayGo) {
  const leftGoes = mayGo === "either" || mayGo === "left";
  const rightGoes = mayGo === "either" || mayGo === "right";
  left.links.push({ to: right, score, relation, goes: leftGoes, otherGoes: rightGoes });
  right.links.push({ to: left, score, relation, goes: rightGoes, otherGoes: leftGoes });
}

// How one picture lies on another and where they differ, wherever a pair of the page says so.
const pairsByKey = new Map();
for (const { items, kind } of sections) {
  for (const item of kind === "pairs" ? items : []) {
    if (item.matrix || item.region) pairsByKey.set(item.pictures.join(), item);
  }
}

function geometry(left, right) {
  const straight = pairsByKey.get(`${left},${right}`), turned = pairsByKey.get(`${right},${left}`);
  if (straight || !turned) return { matrix: straight?.matrix || null, region: straight?.region || null };
  return { matrix: turned.matrix && inverse(turned.matrix), region: null };
}

function inverse([[a, b, x], [c, d, y]]) {
  const size = a * d - b * c;
  if (!size) return null;
  return [[d / size, -b / size, (b * y - d * x) / size], [-c / size, a / size, (c * x - a * y) / size]];
}

function extremes(scores, ascending) {
  if (!scores.length) return [null, null];
  const low = scores.reduce((a, b) => Math.min(a, b)), high = scores.reduce((a, b) => Math.max(a, b));
  return ascending ? [low, high] : [high, low];
}

// The small copies come last in the file, some in an element, and are read when they are seen.
const chunks = document.getElementsByClassName("thumbnails");
const readChunks = new Map();
function thumbnail(number) {
  const place = Math.floor(number / content.together), element = chunks[place];
  if (!element || (document.readyState === "loading" && !chunks[place + 1])) return null;
  if (!readChunks.has(place)) readChunks.set(place, JSON.parse(element.textContent));
  return `data:image/webp;base64,${readChunks.get(place)[number % content.together]}`;
}

// Numbers and dates as they are read.
const grouped = (number) => number.toLocaleString("en");
const counted = (count, noun) => `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
const scoreText = (score, section) => (score === null ? "" : section.whole ? String(score) : score.toFixed(3));

function bytesText(bytes) {
  if (bytes < 1000) return counted(bytes, "byte");
  let value = bytes / 1000, unit = 0;
  for (; value >= 999.95 && unit < 3; unit += 1) value /= 1000;
  return `${value.toFixed(1)} ${["kB", "MB", "GB", "TB"][unit]}`;
}

function dateText(milliseconds, withTime) {
  const date = new Date(milliseconds), two = (number) => String(number).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return withTime ? `${day} ${two(date.getHours())}:${two(date.getMinutes())}` : day;
}
