// The deployments as they are shown: which, and in which order.

import { rank } from "./states.js";

/** What the list can be sorted by: its name, and whether it is a figure that moves. */
export const SORTS = {
  id: { name: "Deployment", by: (one) => one.id },
  state: { name: "State", by: (one) => rank(one.state), moves: true },
  tokens: { name: "Tokens", by: (one) => -(one.tokens.share ?? -1), moves: true },
  requests: { name: "Requests", by: (one) => -(one.requests.share ?? -1), moves: true },
  denied: { name: "Denied", by: (one) => -one.denied.requests, moves: true },
  burnt: { name: "Burnt", by: (one) => -one.burnt.tokens, moves: true },
  leases: { name: "Leases", by: (one) => -one.leases, moves: true },
  holders: { name: "Holders", by: (one) => -one.holders, moves: true },
};

/** One unit of a deployment, ready to be drawn: parts of its limit, from 0 to 1 and above. */
function unit(deployment, name) {
  const { limit, outstanding, overrun } = deployment.usage[name];
  const part = (amount) => (limit ? amount / limit : limit === 0 && amount > 0 ? 1 : 0);
  const spent = outstanding + overrun;
  const accounted = deployment.window === "minute";
  const used = accounted ? part(deployment.used[name]) : part(outstanding);
  const held = accounted ? used + part(deployment.held[name]) : used;
  return {
    limit, outstanding, overrun, spent,
    share: limit === null ? null : part(spent),
    // Where each part of the bar ends; a rolling window tells only the sum.
    used, held, burnt: part(outstanding), over: part(spent),
  };
}

/** What a search looks through. */
function textOf(deployment) {
  const labels = Object.entries(deployment.labels ?? {}).map(([name, value]) => `${name}=${value}`);
  const drift = deployment.drift?.length > 0 ? "drift" : "";
  return [deployment.id, deployment.model_group ?? "", drift, ...labels].join("\n").toLowerCase();
}

function shown(deployment) {
  deployment.tokens = unit(deployment, "tokens");
  deployment.requests = unit(deployment, "requests");
  deployment.text = textOf(deployment);
  return deployment;
}

export class Deployments {
  all = [];
  /** Only these states; all where empty. */
  states = new Set();
  sort = "id";
  #byId = new Map();
  #words = [];

  /** Every one of these words must be in what is shown. */
  set search(text) {
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean);
  }

  take(overview) {
    this.all = overview.deployments.map(shown);
    this.#byId = new Map(this.all.map((one) => [one.id, one]));
  }

  find(id) {
    return this.#byId.get(id);
  }

  /** How many there are in each state. */
  counts() {
    const counts = {};
    for (const one of this.all) counts[one.state] = (counts[one.state] ?? 0) + 1;
    return counts;
  }

  matches(one) {
    const wanted = this.states.size === 0 || this.states.has(one.state);
    return wanted && this.#words.every((word) => one.text.includes(word));
  }

  /** Those that match, sorted; equal ones by id. */
  view() {
    const { by } = SORTS[this.sort];
    const found = this.all.filter((one) => this.matches(one));
    // They come by id, and sorting keeps the order of equals.
    if (this.sort !== "id") found.sort((a, b) => by(a) - by(b));
    return found;
  }

  /** The same ids in the same order, as they are now; what matches no more is left out. */
  again(ids) {
    const still = ids.map((id) => this.find(id)).filter((one) => one && this.matches(one));
    const now = this.view();
    return still.length === now.length ? still : now;
  }
}
