// The last hour, a bar for each minute: what of the limit was used, is held and burnt, and below it what was denied.
// The same is there as a table.

import { h, setText, svg } from "./dom.js";
import { short, timeOfDay, whole } from "./format.js";

const MINUTES = 60;
const MINUTE_MS = 60_000;
const HEIGHT = 150;
const DENIED = 34;
const GAP = 14;
const LEFT = 44;
const RIGHT = 8;
const TOP = 8;
const AXIS = 18;

const NONE = { tokens: 0, requests: 0 };
const PARTS = ["used", "held", "burnt", "overrun"];

export class Plot {
  #unit = "tokens";
  #books = [];
  #at = null;
  #drawn = "";
  #width = 0;

  constructor() {
    const label = "The last hour; arrows read its minutes";
    this.drawing = svg("svg", { class: "plot", role: "img", tabindex: "0", "aria-label": label });
    this.reading = h("p", { class: "reading" });
    this.table = h("tbody");
    this.element = h("section", { class: "hour", "aria-label": "The last hour" },
      h("div", { class: "hour-head" }, h("h3", {}, "Last hour"), this.#switch()),
      this.drawing, this.reading, legend(), this.#asTable());
    this.#listen();
  }

  /** The history, newest first; the open minute as the overview has it. */
  show(history, now) {
    this.#books = hour(history, now);
    this.#draw();
  }

  #switch() {
    const choose = (unit) => (event) => {
      this.#unit = unit;
      for (const button of event.target.parentElement.children) {
        button.setAttribute("aria-pressed", button === event.target);
      }
      this.#draw();
    };
    const button = (unit) => h("button", {
      type: "button", "aria-pressed": String(unit === this.#unit), onclick: choose(unit),
    }, unit);
    return h("div", { class: "switch", role: "group", "aria-label": "Unit" }, button("tokens"), button("requests"));
  }

  #listen() {
    new ResizeObserver(([{ contentRect }]) => {
      this.#width = Math.floor(contentRect.width);
      this.#draw();
    }).observe(this.drawing);
    this.drawing.addEventListener("pointermove", ({ offsetX }) => this.#point(Math.floor((offsetX - LEFT) / this.#step)));
    this.drawing.addEventListener("pointerleave", () => this.#point(null));
    this.drawing.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.#point((this.#at ?? MINUTES - 1) + by);
    });
  }

  get #step() {
    return (this.#width - LEFT - RIGHT) / MINUTES;
  }

  #point(at) {
    this.#at = at === null || at < 0 || at >= MINUTES ? null : at;
    this.#draw();
  }

  #draw() {
    if (this.#width === 0 || this.#books.length === 0) return;
    const state = JSON.stringify([this.#unit, this.#width, this.#at, this.#books]);
    if (state === this.#drawn) return;
    this.#drawn = state;
    const total = HEIGHT + GAP + DENIED + AXIS;
    this.drawing.setAttribute("viewBox", `0 0 ${this.#width} ${total}`);
    this.drawing.setAttribute("height", total);
    this.drawing.replaceChildren(...this.#fill(), ...this.#denied(), ...this.#times(), ...this.#cursor());
    this.#read();
    this.#fillTable();
  }

  #fill() {
    const unit = this.#unit;
    const most = Math.max(1, ...this.#books.map((book) => Math.max(book.limit[unit] ?? 0, sum(book, unit))));
    const y = (amount) => TOP + (HEIGHT - TOP) * (1 - amount / most);
    const bars = this.#books.flatMap((book, at) => this.#bar(book, at, y));
    return [...lines(this.#width, y, most), ...bars, ...this.#limit(y)];
  }

  #bar(book, at, y) {
    let below = 0;
    return PARTS.flatMap((part) => {
      const amount = book[part][this.#unit];
      if (amount === 0) return [];
      const top = y(below + amount);
      const height = Math.max(1, y(below) - top);
      below += amount;
      return [svg("rect", { class: part, x: this.#x(at) + 0.5, y: top, width: Math.max(1, this.#step - 1), height })];
    });
  }

  /** Steps, where the limit was changed. */
  #limit(y) {
    const steps = [];
    this.#books.forEach((book, at) => {
      const limit = book.limit[this.#unit];
      if (limit === null) return;
      const begins = at === 0 || this.#books[at - 1].limit[this.#unit] === null;
      steps.push(`${begins ? "M" : "L"}${this.#x(at)} ${y(limit)}H${this.#x(at + 1)}`);
    });
    return steps.length > 0 ? [svg("path", { class: "limit", d: steps.join("") })] : [];
  }

  #denied() {
    const amounts = this.#books.map((book) => book.denied[this.#unit]);
    const most = Math.max(...amounts);
    const bottom = HEIGHT + GAP + DENIED;
    const text = most === 0 ? "none denied" : `denied: up to ${short(most)} a minute`;
    const note = svg("text", { class: "note", x: LEFT, y: HEIGHT + GAP - 3 });
    note.textContent = text;
    const bars = amounts.flatMap((amount, at) => {
      if (amount === 0) return [];
      const height = Math.max(2, (DENIED * amount) / most);
      const width = Math.max(1, this.#step - 1);
      return [svg("rect", { class: "denied", x: this.#x(at) + 0.5, y: bottom - height, width, height })];
    });
    return [svg("line", { class: "base", x1: LEFT, x2: this.#width - RIGHT, y1: bottom, y2: bottom }), ...bars, note];
  }

  #times() {
    return [0, 15, 30, 45, 59].map((at) => {
      const anchor = at === 0 ? "start" : at === 59 ? "end" : "middle";
      const x = this.#x(at === 59 ? MINUTES : at);
      const y = HEIGHT + GAP + DENIED + AXIS - 4;
      const text = svg("text", { class: "tick", x, y, "text-anchor": anchor });
      text.textContent = this.#books[at].time;
      return text;
    });
  }

  #cursor() {
    if (this.#at === null) return [];
    return [svg("rect", { class: "cursor", x: this.#x(this.#at), y: 0, width: this.#step, height: HEIGHT + GAP + DENIED })];
  }

  #read() {
    // The open minute moves once a second: that is not read out.
    this.reading.setAttribute("aria-live", this.#at === null ? "off" : "polite");
    const book = this.#books[this.#at ?? MINUTES - 1];
    const unit = this.#unit;
    const limit = book.limit[unit] === null ? "no limit" : `limit ${whole(book.limit[unit])}`;
    const parts = [...PARTS, "denied"].filter((part) => book[part][unit] > 0).map((part) => `${part} ${whole(book[part][unit])}`);
    setText(this.reading, [`${book.time} UTC`, limit, ...parts].join(" · "));
  }

  #x(at) {
    return LEFT + at * this.#step;
  }

  #asTable() {
    const names = ["minute", "limit", ...PARTS, "denied"];
    const head = h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)));
    const table = h("table", {}, h("caption", { class: "hidden" }, "The last hour"), h("thead", {}, head), this.table);
    this.folded = h("details", { ontoggle: () => this.#fillTable() }, h("summary", {}, "As a table"),
      h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "The last hour as a table" }, table));
    return this.folded;
  }

  #fillTable() {
    if (!this.folded.open) return;
    const unit = this.#unit;
    const busy = this.#books.filter((book) => sum(book, unit) + book.denied[unit] > 0).toReversed();
    const cells = (book) => [book.limit[unit] ?? "none", ...[...PARTS, "denied"].map((part) => book[part][unit])];
    this.table.replaceChildren(...busy.map((book) => h("tr", {}, h("th", { scope: "row" }, book.time),
      cells(book).map((amount) => h("td", {}, typeof amount === "number" ? whole(amount) : amount)))));
  }
}

const sum = (book, unit) => PARTS.reduce((sum, part) => sum + book[part][unit], 0);

/** The last 60 minutes, oldest first; nothing happened in those that the history lacks. */
function hour(history, now) {
  const byMinute = new Map(history.map((book) => [minuteOf(book.starts_at), book]));
  // The server's clock is not the reader's; but near it, or there is no history to go by.
  const newest = history.length > 0 ? minuteOf(history[0].starts_at) : 0;
  const here = Math.floor(Date.now() / MINUTE_MS);
  const last = Math.abs(here - newest) < MINUTES ? Math.max(here, newest) : newest || here;
  const open = { tokens: now.tokens.limit, requests: now.requests.limit };
  const books = [];
  let limit = open;
  for (let minute = last; minute > last - MINUTES; minute -= 1) {
    const book = byMinute.get(minute);
    limit = book ? { tokens: book.tpm_limit, requests: book.rpm_limit } : limit;
    books.unshift(shown(minute, book, limit));
  }
  return withNow(books, now);
}

function shown(minute, book, limit) {
  const time = timeOfDay(new Date(minute * MINUTE_MS).toISOString());
  const of = (part) => book?.[part] ?? NONE;
  return { time, limit, used: of("used"), held: of("held"), burnt: of("burnt"), overrun: of("overrun"), denied: of("denied") };
}

/** The open minute is fresher in the overview. */
function withNow(books, now) {
  const last = books.at(-1);
  const overrun = now.window === "minute"
    ? { tokens: now.tokens.overrun, requests: now.requests.overrun }
    : last.overrun;
  const limit = { tokens: now.tokens.limit, requests: now.requests.limit };
  books[books.length - 1] = { ...last, limit, used: now.used, held: now.held, burnt: now.burnt, denied: now.denied, overrun };
  return books;
}

const minuteOf = (instant) => Math.floor(Date.parse(instant) / MINUTE_MS);

/** Lines at nothing, half and most, with their amounts. */
function lines(width, y, most) {
  return [0, most / 2, most].flatMap((amount) => {
    const text = svg("text", { class: "tick", x: LEFT - 6, y: y(amount) + 4, "text-anchor": "end" });
    text.textContent = short(Math.round(amount));
    return [svg("line", { class: "base", x1: LEFT, x2: width - RIGHT, y1: y(amount), y2: y(amount) }), text];
  });
}

function legend() {
  const names = [...PARTS, "limit"];
  return h("p", { class: "legend", "aria-hidden": "true" }, names.map((name) => h("span", {}, h("i", { class: name }), name)));
}
