// The items of a section: filtered, sorted, in pages.

const PAGE = { pairs: 48, groups: 20, pictures: 96 };
const NOUN = { pairs: "pair", groups: "group", pictures: "picture" };
const lists = { all: new Map(), current: null };

class List {
  constructor(section, root) {
    Object.assign(this, { section, root, page: 0, focused: 0, visible: section.items, drawn: false });
    this.place = root.querySelector(".items");
    this.pager = root.querySelector(".pager");
    this.form = root.querySelector(".tools");
    this.count = root.querySelector(".count");
    this.hasMarks = section.canMark && section.items.some((item) => item.pictures.some(canMark));
    this.hasRelations = new Set(section.items.flatMap((item) => item.relations)).size > 1;
    if (section.items.length) this.prepareForm();
  }

  prepareForm() {
    const { section, form } = this, known = section.items.flatMap((item) => [item.best, item.worst]).filter((score) => score !== null);
    const [low, high] = extremes(known, true), fields = form.elements;
    form.hidden = false;
    const range = form.querySelector("[data-field=range]");
    range.hidden = low === null || low === high;
    range.querySelector("legend").textContent = section.score || "value";
    fields.from.placeholder = scoreText(low, section);
    fields.to.placeholder = scoreText(high, section);
    fields.from.min = fields.to.min = low ?? "";
    fields.from.step = fields.to.step = section.whole ? 1 : "any";
    for (const [value, text] of this.orders(range.hidden)) fields.order.append(make("option", { value }, text));
    const relations = form.querySelector("[data-field=relations]");
    relations.hidden = !this.hasRelations;
    const counts = new Map();
    for (const item of section.items) for (const word of item.relations) counts.set(word, (counts.get(word) || 0) + 1);
    const boxes = [...counts].map(([word, count]) => make("label", {}, make("input", { type: "checkbox", name: "relation", value: word, checked: true }), `${word || "none"} ${grouped(count)}`));
    relations.append(make("div", {}, ...boxes));
    form.addEventListener("input", () => { this.page = 0; this.focused = 0; this.draw(); });
    form.addEventListener("submit", (event) => event.preventDefault());
    form.querySelector("details").open = matchMedia("(min-width: 721px)").matches;
  }

  orders(isFlat) {
    const orders = [["", "as listed"]];
    if (!isFlat && this.section.kind !== "pictures") orders.push(["best", "most alike first"], ["worst", "least alike first"]);
    if (!isFlat && this.section.kind === "pictures") orders.push(["high", "highest first"], ["low", "lowest first"]);
    if (this.section.kind === "groups") orders.push(["size", "largest group first"]);
    orders.push(["bytes", "largest files first"], ["name", "by name"]);
    return orders;
  }

  filter() {
    if (!this.section.items.length) return;
    const { elements } = this.form, { ascending } = this.section;
    const limit = (field) => (field.value === "" ? null : field.valueAsNumber);
    const from = limit(elements.from), to = limit(elements.to), name = elements.name.value.toLowerCase();
    const words = new Set([...this.form.querySelectorAll("[name=relation]:checked")].map((box) => box.value));
    const inRange = ({ best, worst }) => {
      const [low, high] = ascending ? [best, worst] : [worst, best];
      return (from === null || (low !== null && low >= from)) && (to === null || (high !== null && high <= to));
    };
    this.visible = this.section.items.filter((item) => inRange(item)
      && (!this.hasRelations || !item.relations.length || item.relations.some((word) => words.has(word)))
      && (!name || item.pictures.some((id) => pictures[id].text.toLowerCase().includes(name))));
    this.sort(elements.order.value);
  }

  sort(order) {
    const sign = this.section.ascending ? 1 : -1;
    const bytes = (item) => item.pictures.reduce((sum, id) => sum + Math.max(0, pictures[id].bytes), 0);
    const first = (item) => pictures[item.pictures[0]];
    const compare = {
      best: (a, b) => sign * (a.best - b.best), worst: (a, b) => sign * (b.worst - a.worst),
      high: (a, b) => b.best - a.best, low: (a, b) => a.best - b.best,
      size: (a, b) => b.pictures.length + b.leftOut - a.pictures.length - a.leftOut,
      bytes: (a, b) => bytes(b) - bytes(a), name: (a, b) => byName(first(a), first(b)),
    }[order];
    if (compare) this.visible.sort((a, b) => compare(a, b) || a.place - b.place);
  }

  draw() {
    this.filter();
    this.drawn = true;
    const { section, visible } = this, size = PAGE[section.kind], pages = Math.max(1, Math.ceil(visible.length / size));
    this.page = Math.min(this.page, pages - 1);
    const shown = visible.slice(this.page * size, (this.page + 1) * size);
    this.place.replaceChildren(...shown.map(itemElement));
    const total = section.items.length;
    if (!shown.length) this.place.append(make("p", { className: "empty" }, total ? "Nothing passes the filter." : "None."));
    this.count.textContent = visible.length === total ? counted(total, NOUN[section.kind]) : `${grouped(visible.length)} of ${counted(total, NOUN[section.kind])}`;
    this.drawPager(pages);
    refreshMarks(this.place);
  }

  drawPager(pages) {
    const { page, pager, visible } = this, size = PAGE[this.section.kind];
    pager.hidden = pages === 1;
    const button = (text, target) => make("button", { type: "button", disabled: target < 0 || target >= pages, onclick: () => this.turn(target) }, text);
    const first = page * size + 1, last = Math.min(visible.length, first + size - 1);
    pager.replaceChildren(button("First", page ? 0 : -1), button("← Back", page - 1), make("span", {}, `${grouped(first)} – ${grouped(last)} of ${grouped(visible.length)}`), button("Next →", page + 1), button("Last", page < pages - 1 ? pages - 1 : pages));
  }

  turn(page, focused = 0) {
    this.page = page;
    this.draw();
    this.focus(focused);
  }

  // Move to an item of the page; beyond its ends to the next or the previous page.
  move(step) {
    const size = PAGE[this.section.kind], isInside = this.place.contains(document.activeElement);
    const next = isInside ? this.focused + step : this.focused;
    if (next >= this.place.querySelectorAll(".item").length) {
      if ((this.page + 1) * size < this.visible.length) this.turn(this.page + 1);
    } else if (next < 0) {
      if (this.page > 0) this.turn(this.page - 1, size - 1);
    } else this.focus(next);
  }

  focus(place) {
    const element = this.place.querySelectorAll(".item")[place];
    if (!element) return;
    this.focused = place;
    element.focus({ preventScroll: true });
    element.scrollIntoView({ block: element.offsetHeight < innerHeight - 140 ? "nearest" : "start" });
  }

  get item() {
    return this.visible[this.page * PAGE[this.section.kind] + this.focused];
  }

  choose(step) {
    const figures = this.figures();
    if (!figures.length) return;
    const now = figures.findIndex((figure) => figure.classList.contains("chosen"));
    const next = Math.min(figures.length - 1, Math.max(0, now < 0 ? 0 : now + step));
    this.setChosen(figures[next]);
    figures[next].scrollIntoView({ block: "nearest" });
  }

  setChosen(figure) {
    for (const other of this.figures()) other.classList.toggle("chosen", other === figure);
  }

  figures() {
    const element = this.place.querySelectorAll(".item")[this.focused];
    return element ? [...element.querySelectorAll("figure")] : [];
  }

  // The chosen picture of the item, or the one that may go.
  chosen() {
    const figures = this.figures(), item = this.item;
    const figure = figures.find((each) => each.classList.contains("chosen"));
    if (figure) return figure;
    const links = item?.classes[0]?.links ?? [];
    const leftFirst = links.length && links[0].goes && !links[0].otherGoes;
    return figures[leftFirst || figures.length < 2 ? 0 : 1];
  }
}
