// Which pictures are marked, what stays for each, the rules, and the list for `imagededup remove`.

const marks = new Set();
const storageKey = `imagededup:${content.id}`;
const classesOf = pictures.map(() => []);
for (const section of sections) {
  for (const item of section.canMark ? section.items : []) addClasses(item, classesOf);
}

function addClasses(item, lists) {
  for (const one of item.classes) {
    one.section = item.section;
    for (const id of one.members) (lists[id] ||= []).push(one);
  }
}

// All pictures that match one directly, identical ones first.
function* partners(id, lists = classesOf) {
  const own = lists[id] || [];
  for (const one of own) {
    for (const other of one.members) {
      if (other !== id) yield { other, score: one.score, relation: one.relation, goes: true, otherGoes: true, identical: true, section: one.section };
    }
  }
  for (const one of own) {
    for (const { to, ...rest } of one.links) {
      for (const other of to.members) if (other !== id) yield { other, section: one.section, ...rest };
    }
  }
}

// What stays in place of a marked picture: the best that is not marked; null if nothing is left.
function partnerOf(id) {
  let best = null;
  for (const partner of partners(id)) {
    if (marks.has(partner.other) || pictures[partner.other].reason) continue;
    if (partner.identical) return partner;
    if (!best || (partner.goes && !best.goes) || (partner.goes === best.goes && better(partner, best))) best = partner;
  }
  return best;
}

function better(one, other) {
  if (one.section.score !== other.section.score) return false;
  return one.section.ascending ? one.score < other.score : one.score > other.score;
}

function canMark(id) {
  const picture = pictures[id];
  return !picture.stays && !picture.reason && picture.state !== "" && classesOf[id].length > 0;
}

const byName = (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.id - b.id);
const RULES = {
  pixels: (a, b) => b.width * b.height - a.width * a.height,
  bytes: (a, b) => b.bytes - a.bytes,
  oldest: (a, b) => a.modified - b.modified,
  name: () => 0,
  folder: (a, b) => a.outside - b.outside,
};

// The order in which pictures are kept or go: by the rule, yet wholes before their parts.
function pictureOrder(ids, rule, lists) {
  const ranked = ids.map((id) => pictures[id]).sort((a, b) => b.stays - a.stays || RULES[rule](a, b) || byName(a, b));
  const rank = new Map(ranked.map((picture, place) => [picture.id, place]));
  const parts = ranked.map(() => []), waiting = ranked.map(() => 0), placed = ranked.map(() => false), order = [];
  for (const [id, place] of rank) {
    for (const whole of new Set(wholesOf(id, lists))) {
      if (rank.has(whole)) { parts[rank.get(whole)].push(place); waiting[place] += 1; }
    }
  }
  for (let next = 0; order.length < ranked.length; next += 1) {
    while (next < ranked.length && (placed[next] || waiting[next] > 0)) next += 1;
    if (next === ranked.length) next = placed.indexOf(false); // each is a part of another
    placed[next] = true;
    order.push(ranked[next].id);
    for (const part of parts[next]) {
      waiting[part] -= 1;
      if (waiting[part] === 0) next = Math.min(next, part - 1);
    }
  }
  return order;
}

function wholesOf(id, lists) {
  const wholes = [];
  for (const one of lists[id] || []) {
    for (const { goes, otherGoes, to } of one.links) {
      if (goes && !otherGoes) for (const whole of to.members) wholes.push(whole);
    }
  }
  return wholes;
}

function markByRule(items, rule, folder) {
  const lists = [];
  for (const item of items) addClasses(item, lists);
  const ids = [...new Set(items.flatMap((item) => item.pictures))].filter((id) => !pictures[id].reason);
  const isOutside = (picture) => rule === "folder" && folderOf(picture) !== folder;
  for (const id of ids) { marks.delete(id); pictures[id].outside = isOutside(pictures[id]); }
  const kept = new Set(), gone = new Set();
  for (const id of pictureOrder(ids, rule, lists)) {
    if (gone.has(id)) continue;
    kept.add(id);
    if (pictures[id].outside) continue;
    for (const { other, otherGoes } of partners(id, lists)) {
      const wanted = rule !== "folder" || pictures[other].outside;
      if (otherGoes && wanted && !kept.has(other) && canMark(other)) gone.add(other);
    }
  }
  for (const id of gone) marks.add(id);
  return gone.size;
}

function folderOf({ folder, name }) {
  const end = name.lastIndexOf("/"), root = content.folders[folder] ?? "";
  return end < 0 ? root : `${root}/${name.slice(0, end)}`;
}

// One line of JSON a file: what goes, and what stays in its place. Lone surrogates become escapes.
function markedList() {
  const lines = [], alone = [];
  for (const id of [...marks].sort((a, b) => byName(pictures[a], pictures[b]))) {
    const partner = partnerOf(id);
    if (!partner) { alone.push(id); continue; }
    const gone = pictures[id], kept = pictures[partner.other];
    lines.push(JSON.stringify({
      remove: gone.name, folder: content.folders[gone.folder], state: gone.state,
      keep: kept.name, keep_folder: content.folders[kept.folder], keep_state: kept.state,
      relation: partner.relation, score: partner.score, score_name: partner.section.score,
    }));
  }
  return { lines, alone, text: lines.map((line) => `${line}\n`).join("") };
}

function remember() {
  try {
    if (marks.size) localStorage.setItem(storageKey, JSON.stringify([...marks]));
    else localStorage.removeItem(storageKey);
  } catch { /* a page within another has no storage */ }
}

function recall() {
  try {
    for (const id of JSON.parse(localStorage.getItem(storageKey) || "[]")) if (pictures[id] && canMark(id)) marks.add(id);
  } catch { /* nothing is remembered */ }
}
