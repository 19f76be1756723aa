// The server: what it is, and how its ledger fares by its metrics, which are asked for only while somebody looks.

import { send } from "./api.js";
import { byId, h, setText } from "./dom.js";
import { duration, whole } from "./format.js";

const EVERY_MS = 3_000;
const LEDGERS = { embedded: "embedded", postgres: "PostgreSQL", redis: "Redis" };

const COUNTED = {
  commits: "quota_commits_total",
  failures: "quota_commit_failures_total",
  seconds: "quota_commit_seconds_sum",
  batches: "quota_commit_grants_count",
  grants: "quota_grants_total",
  violations: "quota_invariant_violations_total",
};

export class Server {
  #details = byId("server");
  #text = byId("server-text");
  #pairs = byId("server-pairs");
  #timer = 0;
  #before = null;
  #rates = [];
  #server = null;

  constructor() {
    this.#details.addEventListener("toggle", () => this.#toggle());
    document.addEventListener("click", (event) => {
      if (!this.#details.contains(event.target)) this.#details.open = false;
    });
  }

  take({ server }) {
    this.#server = server;
    setText(this.#text, `${LEDGERS[server.ledger] ?? server.ledger} ledger, ${server.role}`);
    if (this.#details.open) this.#draw();
  }

  close() {
    const was = this.#details.open;
    this.#details.open = false;
    return was;
  }

  #toggle() {
    clearInterval(this.#timer);
    this.#before = null;
    if (!this.#details.open) return;
    this.#timer = setInterval(() => this.#measure(), EVERY_MS);
    this.#draw();
    this.#measure();
  }

  async #measure() {
    if (document.hidden) return;
    try {
      const text = await (await send("metrics")).text();
      const now = { at: performance.now(), ...counted(text) };
      this.#rates = this.#before ? rates(this.#before, now) : [];
      this.#before = now;
    } catch {
      this.#rates = [];
    }
    this.#draw();
  }

  #draw() {
    const { version, role, uptime_ms: uptime, writable, ledger } = this.#server ?? {};
    if (!version) return;
    const pairs = [
      ["version", version], ["up for", duration(uptime)], ["ledger", LEDGERS[ledger] ?? ledger], ["role", role],
      ["can write", writable ? "yes" : "no"], ...this.#rates,
    ];
    this.#pairs.replaceChildren(...pairs.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  }
}

/** The samples that are wanted, summed over their labels. */
function counted(text) {
  const sums = {};
  for (const line of text.split("\n")) {
    const [, name, value] = /^(\w+)(?:\{.*\})? (\S+)$/.exec(line) ?? [];
    if (name) sums[name] = (sums[name] ?? 0) + Number(value);
  }
  return Object.fromEntries(Object.entries(COUNTED).map(([key, name]) => [key, sums[name]]));
}

function rates(before, now) {
  const seconds = (now.at - before.at) / 1_000;
  const commits = now.commits - before.commits;
  const grants = now.grants - before.grants;
  const lines = [["grants a second", whole(Math.round(grants / seconds))]];
  if (commits > 0) {
    lines.push(["a commit takes", `${(((now.seconds - before.seconds) / commits) * 1_000).toFixed(1)} ms`]);
    lines.push(["grants a commit", (grants / commits).toFixed(1)]);
  }
  if (now.failures !== undefined) lines.push(["commits that failed", whole(now.failures)]);
  if (now.violations !== undefined) lines.push(["books that do not add up", whole(now.violations)]);
  return lines.filter(([, value]) => !value.includes("NaN"));
}
