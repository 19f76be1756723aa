// Who holds what now.

import { h, setText } from "./dom.js";
import { count, duration, whole } from "./format.js";

/** More lines than these nobody reads. */
const MOST = 100;

export class Leases {
  #title = h("h3", {}, "Leases");
  #body = h("tbody");
  #more = h("p", { class: "means" });

  constructor() {
    const names = ["holder", "lease", "tokens", "requests", "used", "ends in"];
    const head = h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)));
    const caption = h("caption", { class: "hidden" }, "Leases that may still be drawn from");
    const table = h("table", {}, caption, h("thead", {}, head), this.#body);
    this.element = h("section", { class: "leases", "aria-label": "Leases" }, this.#title,
      h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Table of leases" }, table), this.#more);
  }

  show(leases) {
    const holders = new Set(leases.map((lease) => lease.holder));
    setText(this.#title, leases.length === 0
      ? "No leases are out"
      : `${count(leases.length, "lease")} with ${count(holders.size, "holder")}`);
    this.element.classList.toggle("none", leases.length === 0);
    const sorted = leases.toSorted((a, b) => a.holder.localeCompare(b.holder) || b.expires_in_ms - a.expires_in_ms);
    this.#body.replaceChildren(...sorted.slice(0, MOST).map(line));
    setText(this.#more, leases.length > MOST ? `and ${whole(leases.length - MOST)} more` : "");
  }
}

function line(lease) {
  const kept = (unit) => whole(lease.granted[unit] - lease.given_back[unit]);
  const ends = lease.starts_in_ms > 0 ? `starts in ${duration(lease.starts_in_ms)}` : duration(lease.expires_in_ms);
  return h("tr", {},
    h("td", {}, h("bdi", { title: lease.holder }, lease.holder)), h("td", { class: "name" }, lease.lease_id),
    h("td", {}, kept("tokens")), h("td", {}, kept("requests")), h("td", {}, whole(lease.used.tokens)), h("td", {}, ends));
}
