// Deployments as a site would have them, and gateways that take, use and give back leases of them: the same each time.

const MODELS = ["gpt-4o", "gpt-4o-mini", "claude-sonnet", "llama-3-70b", "mistral-large", "gemini-pro", "o3", "embed-3"];
const REGIONS = ["eu-west", "eu-north", "us-east", "us-west", "ap-south", "ap-east", "sa-east", "uk-south"];
const LEASES_A_BEAT = 200;
const WAVE_MS = 40 * 60_000;

/** A generator of numbers from 0 to 1 that can be repeated (mulberry32). */
export function numbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function site(count) {
  const random = numbers(7);
  return Array.from({ length: count }, (_, number) => {
    const model = MODELS[number % MODELS.length];
    const region = REGIONS[Math.floor(number / MODELS.length) % REGIONS.length];
    const series = Math.floor(number / (MODELS.length * REGIONS.length));
    const tokens = [60, 120, 250, 500, 1_000][Math.floor(random() * 5)] * 1_000;
    return {
      id: `${model}-${region}${series > 0 ? `-${series + 1}` : ""}`,
      // How much of its limit is asked for in a minute, and when in a wave of forty minutes it is busiest.
      demand: random() < 0.08 ? 1.15 + random() * 0.5 : random() ** 1.4,
      phase: random() * 2 * Math.PI,
      spec: {
        tpm_limit: tokens, rpm_limit: Math.round(tokens / 250), model_group: model, window: number % 17 === 5 ? "rolling" : "minute",
        labels: { region, team: ["search", "assist", "batch"][number % 3] },
      },
    };
  });
}

export async function putAll(server, all) {
  for (let at = 0; at < all.length; at += 16) {
    await Promise.all(all.slice(at, at + 16).map(({ id, spec }) => server.put(id, spec)));
  }
}

/** Gateways that beat until they are told to stop: what they used of their last leases, and new ones. */
export class Gateways {
  #stopped = false;
  #running = [];
  #random = numbers(11);
  #requests = 0;

  constructor(server, all, { holders = 8, every = 1_000 } = {}) {
    this.server = server;
    this.all = all;
    this.every = every;
    this.#running = Array.from({ length: holders }, (_, number) => this.#run(`gw-${number + 1}/${(0x5f3a9c + number).toString(16)}`, number, holders));
  }

  async stop() {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(holder, number, holders) {
    let held = [];
    while (!this.#stopped) {
      const began = Date.now();
      // Two gateways share each deployment.
      const mine = this.all.filter((_, at) => at % (holders / 2) === number % (holders / 2));
      held = await this.#beat(holder, mine, held).catch(() => []);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + this.every - Date.now())));
    }
  }

  async #beat(holder, mine, held) {
    const used = held.map(({ lease_id, tokens, requests }) => {
      const share = 0.35 + 0.5 * this.#random();
      const overrun = this.#random() < 0.03 ? Math.floor(tokens * 0.2 * this.#random()) : 0;
      return { lease_id, tokens: Math.floor(tokens * share), requests, overrun: { tokens: overrun, requests: 0 } };
    });
    const give_back = held.map((lease, at) => {
      const rest = lease.tokens - used[at].tokens;
      return { lease_id: lease.lease_id, tokens: this.#random() < 0.85 ? Math.floor(rest * 0.9) : 0, requests: 0, closed: true };
    });
    const wishes = mine.map((one) => this.#wish(one)).filter((wish) => wish !== null);
    const leases = [];
    for (let at = 0; at < Math.max(wishes.length, used.length); at += LEASES_A_BEAT) {
      const part = (list) => list.slice(at, at + LEASES_A_BEAT);
      const reply = await this.server.beat(holder, { used: part(used), give_back: part(give_back), acquire: part(wishes) });
      leases.push(...reply.acquire.filter((item) => item.status < 400).map((item) => item.body));
    }
    return leases;
  }

  #wish({ id, demand, phase, spec }) {
    const wave = 0.75 + 0.25 * Math.sin((2 * Math.PI * Date.now()) / WAVE_MS + phase);
    const tokens = Math.floor((spec.tpm_limit * demand * wave * (0.6 + 0.8 * this.#random())) / 60);
    if (tokens < 50 || this.#random() < 0.15) return null;
    const want = Math.max(tokens, 50);
    return {
      deployment: id, request_id: `r${(this.#requests += 1)}`,
      tokens: { min: Math.min(want, 400), want }, requests: { min: 1, want: Math.max(1, Math.floor(want / 400)) },
    };
  }
}
