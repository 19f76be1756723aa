// The list: only lines that can be seen exist, however many deployments there are. The grid has the focus; the current
// line is named to readers of screens.

import { byId, h, setAttribute } from "./dom.js";
import { SORTS } from "./deployments.js";
import { Row } from "./row.js";

/** Lines that are kept ready above and below what is seen. */
const SPARE = 6;
/** After this long without a touch the order follows the figures again. */
const HELD_MS = 4_000;

const FIGURES = new Set(["denied", "burnt", "leases", "holders"]);

/** Tells of `open`, with the deployment's id, and `sort`. */
export class List extends EventTarget {
  #grid = byId("grid");
  #rows = byId("rows");
  #head = byId("head");
  #pool = [];
  #free = [];
  #shown = new Map();
  #items = [];
  #current = null;
  #open = null;
  #touched = -HELD_MS;
  #frame = 0;
  /** What is measured, anew when the room changes: a line, the head, and what is seen of both. */
  #height = 44;
  #headHeight = 0;
  #seen = 0;
  #top = -1;

  constructor() {
    super();
    this.#makeHead();
    this.#grid.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#measure()).observe(this.#grid);
    for (const touch of ["pointermove", "wheel", "keydown", "scroll"]) {
      this.#grid.addEventListener(touch, () => { this.#touched = performance.now(); }, { passive: true });
    }
    this.#rows.addEventListener("click", (event) => this.#click(event));
  }

  /** Somebody is at it: lines stay where they are. */
  get isHeld() {
    return performance.now() - this.#touched < HELD_MS;
  }

  get ids() {
    return this.#items.map((one) => one.id);
  }

  get current() {
    return this.#current;
  }

  show(items, sort) {
    this.#items = items;
    setAttribute(this.#grid, "aria-rowcount", items.length + 1);
    for (const cell of this.#head.children) {
      setAttribute(cell, "aria-sort", cell.dataset.sort === sort ? "ascending" : null);
    }
    if (!items.some((one) => one.id === this.#current)) this.#current = items[0]?.id ?? null;
    this.#draw();
  }

  /** Marks the open one. */
  mark(id) {
    this.#open = id;
    if (id !== null) this.#current = id;
    this.#draw();
  }

  focus() {
    this.#grid.focus({ preventScroll: true });
  }

  /** Moves the current line; `Infinity` is the last one. */
  move(by) {
    const at = this.#items.findIndex((one) => one.id === this.#current);
    this.#moveTo(Math.min(this.#items.length - 1, Math.max(0, at + by)));
  }

  /** How many lines fit. */
  get page() {
    return Math.max(1, Math.floor(this.#seen / this.#height) - 2);
  }

  choose() {
    if (this.#current !== null) this.dispatchEvent(new CustomEvent("open", { detail: this.#current }));
  }

  #moveTo(index) {
    if (index < 0) return;
    this.#current = this.#items[index].id;
    const top = index * this.#height;
    const lowest = top + this.#height - (this.#seen - this.#headHeight);
    const scrolled = this.#grid.scrollTop;
    if (top < scrolled || lowest > scrolled) this.#grid.scrollTop = top < scrolled ? top : lowest;
    this.#draw();
  }

  #click(event) {
    const row = event.target.closest(".row");
    const found = [...this.#shown].find(([, shown]) => shown.element === row);
    if (!found) return;
    this.#current = found[0];
    this.choose();
  }

  #scrolled() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#grid.scrollTop !== this.#top) this.#draw();
    });
  }

  #measure() {
    this.#height = parseFloat(getComputedStyle(this.#rows).getPropertyValue("--row")) || 44;
    this.#headHeight = this.#head.parentElement.offsetHeight;
    this.#seen = this.#grid.clientHeight;
    this.#draw();
  }

  #draw() {
    // Read before anything is written, or the browser lays the page out in between.
    this.#top = this.#grid.scrollTop;
    const height = `${this.#items.length * this.#height}px`;
    if (this.#rows.style.height !== height) this.#rows.style.height = height;
    const first = Math.max(0, Math.floor(this.#top / this.#height) - SPARE);
    const last = Math.ceil((this.#top + this.#seen) / this.#height) + SPARE;
    const seen = this.#items.slice(first, last);
    this.#release(seen);
    seen.forEach((one, at) => this.#row(one).show(one, first + at, (first + at) * this.#height));
    this.#marks();
  }

  /** Takes lines back that nobody sees any more. */
  #release(seen) {
    const wanted = new Set(seen.map((one) => one.id));
    for (const [id, row] of this.#shown) {
      if (wanted.has(id)) continue;
      this.#shown.delete(id);
      row.element.hidden = true;
      this.#free.push(row);
    }
  }

  #row(one) {
    const known = this.#shown.get(one.id);
    if (known) return known;
    const row = this.#free.pop() ?? this.#make();
    row.element.hidden = false;
    this.#shown.set(one.id, row);
    return row;
  }

  #make() {
    const row = new Row(this.#pool.length);
    this.#pool.push(row);
    this.#rows.append(row.element);
    return row;
  }

  #marks() {
    for (const [id, row] of this.#shown) row.mark(id === this.#current, id === this.#open);
    const current = this.#shown.get(this.#current);
    setAttribute(this.#grid, "aria-activedescendant", current ? current.element.id : null);
  }

  #makeHead() {
    const order = ["state", "id", "tokens", "requests", "denied", "burnt", "leases", "holders"];
    this.#head.append(...order.map((sort) => {
      const button = h("button", {
        type: "button", tabindex: "-1", onclick: () => this.dispatchEvent(new CustomEvent("sort", { detail: sort })),
      }, SORTS[sort].name);
      const kind = FIGURES.has(sort) ? " figure" : "";
      return h("div", { role: "columnheader", class: `c-${sort}${kind}`, "data-sort": sort }, button);
    }));
  }
}
