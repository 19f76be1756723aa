// One deployment: how its window stands and adds up, its last hour, and who holds what.

import { deploymentPath, read } from "./api.js";
import { byId, h, setAttribute, setText } from "./dom.js";
import { duration, whole } from "./format.js";
import { Leases, held } from "./leases.js";
import { Plot } from "./plot.js";
import { Fill } from "./row.js";
import { STATES } from "./states.js";

/** The history changes once a minute; the open minute is drawn from the overview. */
const HISTORY_MS = 10_000;

/** The lines of the book: its name, its title, and what kind of line it is. */
const LINES = [
  ["granted", "granted"], ["given_back", "– given back"], ["outstanding", "= outstanding", "sum"],
  ["used", "used", "part"], ["held", "held by gateways", "part"], ["burnt", "burnt", "part"],
  ["overrun", "overrun"], ["denied", "denied"],
];
const OF_USAGE = new Set(["outstanding", "overrun"]);

export class Detail {
  id = null;
  #element = byId("detail");
  #abort = new AbortController();
  #history = [];
  #asked = -HISTORY_MS;

  constructor({ close, edit }) {
    this.close = close;
    this.edit = edit;
  }

  open(one) {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.id = one.id;
    this.#history = [];
    this.#asked = -HISTORY_MS;
    this.#make(one);
    this.#element.hidden = false;
    this.show(one);
  }

  shut() {
    this.#abort.abort();
    this.id = null;
    this.#element.hidden = true;
    this.#element.replaceChildren();
  }

  /** As it is now; `undefined` where it was removed. */
  show(one) {
    if (!one) return this.#gone();
    this.#showHead(one);
    this.#showBook(one);
    this.#showPeriods(one.limits ?? []);
    this.plot.show(this.#history, one);
    this.#refresh();
  }

  focus() {
    this.#element.querySelector("h2")?.focus();
  }

  #make(one) {
    this.badge = h("span", { class: "badge" });
    this.means = h("p", { class: "means" });
    this.fills = { tokens: new Fill(), requests: new Fill() };
    this.plot = new Plot();
    this.periods = h("section", { class: "book periods", "aria-label": "Limits over longer periods", hidden: true });
    this.leases = new Leases();
    this.labels = h("p", { class: "labels" });
    this.drift = h("p", { class: "means" });
    this.note = h("p", { class: "means", role: "status" });
    this.#element.replaceChildren(
      this.#head(one), h("div", { class: "stands" }, this.badge, this.means), this.labels, this.drift, this.#book(),
      this.periods, this.plot.element, this.leases.element,
      this.note,
    );
  }

  #head(one) {
    const edit = h("button", { type: "button", onclick: this.edit }, "Change limits");
    const shut = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: this.close }, "×");
    return h("div", { class: "detail-head" }, h("h2", { tabindex: "-1" }, h("bdi", {}, one.id)), edit, shut);
  }

  #book() {
    const unit = (name) => h("div", { class: "unit" }, h("h3", {}, `${name} a minute`), this.fills[name].elements());
    this.cells = new Map();
    const line = ([name, title, kind]) => {
      const cells = ["tokens", "requests"].map((unit) => {
        const cell = h("td");
        this.cells.set(`${name}.${unit}`, cell);
        return cell;
      });
      return h("tr", { class: kind }, h("th", { scope: "row" }, title), cells);
    };
    const column = (name) => h("th", { scope: "col" }, name);
    const head = h("tr", {}, h("td"), column("tokens"), column("requests"));
    this.caption = h("caption");
    return h("section", { class: "book", "aria-label": "The open window" },
      h("div", { class: "units" }, unit("tokens"), unit("requests")),
      h("table", {}, this.caption, h("thead", {}, head), h("tbody", {}, LINES.map(line))));
  }

  /** How limits over longer periods stand: few lines, which change with the limits. */
  #showPeriods(limits) {
    this.periods.hidden = limits.length === 0;
    const line = ({ unit, per, kind, offset, most, charged, resets_in_ms: resetsInMs }) => h("tr", {},
      h("th", { scope: "row" }, `${unit} in ${kind === "rolling" ? `any ${per}` : `${per === "hour" ? "an" : "a"} ${per}`}${offset ? ` (UTC${offset})` : ""}`),
      h("td", {}, whole(charged)), h("td", {}, whole(most)), h("td", {}, duration(resetsInMs)));
    const column = (name) => h("th", { scope: "col" }, name);
    const head = h("tr", {}, h("td"), ["spent", "limit", "comes back in"].map(column));
    this.periods.replaceChildren(h("table", {}, h("caption", {}, "Longer periods"), h("thead", {}, head), h("tbody", {}, limits.map(line))));
  }

  #showHead(one) {
    setText(this.badge, one.state);
    setAttribute(this.badge, "data-state", one.state);
    setText(this.means, `${STATES[one.state] ?? ""}.`);
    const drift = one.drift ?? [];
    setText(this.drift, drift.length > 0 ? `Not as the deployments file says: ${drift.join(", ")}.` : "");
    const labels = Object.entries(one.labels ?? {}).map(([name, value]) => `${name} = ${value}`);
    setText(this.labels, [one.model_group ? `model group ${one.model_group}` : "", ...labels].filter(Boolean).join(" · "));
  }

  #showBook(one) {
    const isMinute = one.window === "minute";
    setText(this.caption, isMinute
      ? "This minute: outstanding is what was used, is held and burnt."
      : "Granted in this minute. Outstanding and overrun are of the last 60 s.");
    for (const unit of ["tokens", "requests"]) {
      this.fills[unit].show(one[unit]);
      for (const [name] of LINES) {
        const amount = OF_USAGE.has(name) ? one[unit][name] : one[name][unit];
        setText(this.cells.get(`${name}.${unit}`), whole(amount));
      }
    }
  }

  #gone() {
    setText(this.note, "This deployment was removed, or the server does not know it any more.");
  }

  async #refresh() {
    const { signal } = this.#abort;
    const due = performance.now() - this.#asked >= HISTORY_MS;
    if (due) this.#asked = performance.now();
    try {
      const asked = [held(this.id, signal)];
      if (due) asked.push(read(deploymentPath(this.id, "/windows?last=60"), signal));
      const [{ leases, more }, history] = await Promise.all(asked);
      if (history) this.#history = history.windows;
      this.leases.show(leases, more);
      setText(this.note, "");
    } catch (error) {
      if (signal.aborted) return;
      this.#asked = -HISTORY_MS;
      setText(this.note, `Leases and history are not up to date: ${error.message}.`);
    }
  }
}
