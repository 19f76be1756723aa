// Asks for the overview once a second: not while nobody looks, and ever less often while the server is away.

import { Lost, send } from "./api.js";

const EVERY_MS = 1_000;
const LONGEST_MS = 15_000;

/**
 * Tells of `overview` (there is one, perhaps the same as before) and `failure` (there is none just now).
 */
export class Feed extends EventTarget {
  /** The latest overview; kept while the server is away. */
  overview = null;
  /** When it was true, by `performance.now()`. */
  at = 0;
  /** Why the last question was not answered, and when the next is asked. */
  failure = null;

  #etag = null;
  #timer = 0;
  #pause = EVERY_MS;
  #minuteEnds = 0;
  #asking = false;

  start() {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.#timer);
      else this.ask();
    });
    this.ask();
  }

  /** Asks now. */
  async ask() {
    clearTimeout(this.#timer);
    if (this.#asking) return;
    this.#asking = true;
    try {
      const known = this.#etag ? { "if-none-match": this.#etag } : {};
      await this.#take(await send("v1/overview", { headers: known }));
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#asking = false;
    }
    if (!document.hidden && this.#pause !== null) this.#timer = setTimeout(() => this.ask(), this.#pause);
  }

  /** How old what is shown is, ms. */
  get age() {
    return performance.now() - this.at;
  }

  /** How long the ledger's minute still lasts, ms. */
  get minuteLeft() {
    const left = (this.#minuteEnds - performance.now()) % 60_000;
    return left < 0 ? left + 60_000 : left;
  }

  async #take(response) {
    const age = Number(response.headers.get("age") ?? 0) * 1_000;
    const came = performance.now();
    if (response.status !== 304) {
      this.overview = await response.json();
      this.#etag = response.headers.get("etag");
      this.#minuteEnds = came - age + this.overview.minute_ends_in_ms;
    }
    this.at = came - age;
    this.failure = null;
    this.#pause = Math.max(EVERY_MS, this.overview.fresh_for_ms);
    this.dispatchEvent(new Event("overview"));
  }

  #fail(error) {
    const failures = (this.failure?.failures ?? 0) + 1;
    // A wrong token gets no better: asking on would only count as guessing.
    this.#pause = error.status === 401 ? null : Math.min(LONGEST_MS, EVERY_MS * 2 ** (failures - 1));
    const again = performance.now() + (this.#pause ?? 0);
    this.failure = { error, failures, again, lost: error instanceof Lost };
    // What is known may not be what there is when the server is back.
    this.#etag = null;
    this.dispatchEvent(new Event("failure"));
  }
}
