// Who holds what now.

import { deploymentPath, read } from "./api.js";
import { h, setText } from "./dom.js";
import { count, duration, whole } from "./format.js";

/** More lines than these nobody reads. */
const MOST = 100;

/** So many pages are asked for, of which each costs the server a thousand leases. */
const MOST_PAGES = 5;

/** The first leases of a deployment, and whether there are more. */
export async function held(id, signal) {
  const leases = [];
  let after = "";
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const answer = await read(deploymentPath(id, `/leases${after}`), signal);
    leases.push(...answer.leases);
    if (!answer.next) return { leases, more: false };
    after = `?after=${encodeURIComponent(answer.next)}`;
  }
  return { leases, more: true };
}

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

  /** `more`: there are others beside these. */
  show(leases, more) {
    const holders = new Set(leases.map((lease) => lease.holder));
    const shown = `${count(leases.length, "lease")} with ${count(holders.size, "holder")}`;
    const none = leases.length === 0 && !more;
    setText(this.#title, none ? "No leases are out" : more ? `More than ${shown}` : shown);
    this.element.classList.toggle("none", none);
    const sorted = leases.toSorted((a, b) => a.holder.localeCompare(b.holder) || b.expires_in_ms - a.expires_in_ms);
    this.#body.replaceChildren(...sorted.slice(0, MOST).map(line));
    setText(this.#more, leases.length > MOST ? `and ${whole(leases.length - MOST)} more` : more ? "and more" : "");
  }
}

function line(lease) {
  const kept = (unit) => whole(lease.granted[unit] - lease.given_back[unit]);
  const ends = lease.starts_in_ms > 0 ? `starts in ${duration(lease.starts_in_ms)}` : duration(lease.expires_in_ms);
  return h("tr", {},
    h("td", {}, h("bdi", { title: lease.holder }, lease.holder)), h("td", { class: "name" }, lease.lease_id),
    h("td", {}, kept("tokens")), h("td", {}, kept("requests")), h("td", {}, whole(lease.used.tokens)), h("td", {}, ends));
}
