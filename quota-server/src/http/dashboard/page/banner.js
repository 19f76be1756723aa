// What a reader must know before trusting the figures: the connection, the ledger, warnings. The worst is told.

import { byId, h, setAttribute } from "./dom.js";
import { duration } from "./format.js";

/** Figures are late, not lost, for so long. */
const LATE_MS = 2_500;

export class Banner {
  #element = byId("banner");
  #live = byId("live");
  #liveText = byId("live-text");
  #told = "";

  constructor(feed, askToken) {
    this.feed = feed;
    this.askToken = askToken;
  }

  /** Once a second or sooner. */
  show() {
    const { failure, overview } = this.feed;
    this.#showLive(failure);
    if (failure) this.#tellFailure(failure);
    else this.#tell(...(serverNote(overview?.server) ?? [null, ""]));
  }

  #showLive(failure) {
    const age = this.feed.age;
    const state = failure ? "lost" : age > LATE_MS ? "late" : "live";
    setAttribute(this.#live, "data-state", state);
    const never = this.feed.overview === null;
    const text = never ? (failure ? "no data" : "connecting") : state === "live" ? "live" : `${duration(age)} old`;
    this.#liveText.textContent = text;
  }

  #tellFailure({ error, lost, again }) {
    if (error.status === 401 || error.status === 403) {
      const button = h("button", { type: "button", onclick: this.askToken }, "Enter a token");
      return this.#tell("bad", reason(error), button);
    }
    const seconds = Math.ceil(Math.max(0, again - performance.now()) / 1_000);
    const what = lost ? "The connection to the server is lost." : `The server cannot answer: ${error.message}.`;
    const old = this.feed.overview ? " What is shown below is from before." : "";
    const now = h("button", { type: "button", onclick: () => this.feed.ask() }, "Try now");
    const wait = h("span", { class: "wait", "aria-hidden": "true" }, seconds > 0 ? `again in ${seconds} s` : "trying");
    return this.#tell("bad", what + old, now, wait);
  }

  /** Told anew only when it says something new, or readers of screens would hear it each second. */
  #tell(kind, text, ...extra) {
    if (this.#told === text) {
      const wait = this.#element.querySelector(".wait");
      const newer = extra.find((part) => part.className === "wait");
      if (wait && newer) wait.textContent = newer.textContent;
      return;
    }
    this.#told = text;
    this.#element.hidden = kind === null;
    if (kind === null) return;
    setAttribute(this.#element, "data-kind", kind);
    this.#element.replaceChildren(h("span", {}, text), ...extra);
  }
}

function reason(error) {
  return error.status === 401
    ? "This server shows nothing without a token that it knows."
    : "This token may not see the books: a viewer's or an admin's can.";
}

function serverNote(server) {
  if (!server) return null;
  if (!server.writable) {
    return ["bad", "The ledger cannot write just now: nothing is granted, leases in hand stay valid."];
  }
  if (server.warnings.length > 0) return ["warn", `The store can lose writes: ${server.warnings.join("; ")}.`];
  if (server.role === "standby") {
    return ["note", "This server is a standby: it shows what the active one writes, a moment later."];
  }
  return null;
}
