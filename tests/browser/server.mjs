// A real quota server with data of its own, and gateways that hold leases of it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = process.env.QUOTA_SERVER ?? new URL("../../target/debug/quota-server", import.meta.url).pathname;
const REDIS = process.env.TOKENLEASE_REDIS_SERVER ?? "redis-server";
const READY_MS = 30_000;

/** Tokens of the tests, by role. */
export const TOKENS = { gateway: "gateway-token", viewer: "viewer-token", admin: "admin-token" };

export class Server {
  #process = null;
  #redis = null;
  #redisPort = 0;

  static async start(options = {}) {
    const folder = options.folder ?? await mkdtemp(join(tmpdir(), "tokenlease-browser-"));
    const server = new Server(folder, await freePort(), options);
    if (options.redis) await server.#startRedis();
    await server.run();
    return server;
  }

  constructor(folder, port, { tokens = false, declared = null, folder: kept }) {
    this.folder = folder;
    this.isKept = kept !== undefined;
    this.port = port;
    this.tokens = tokens;
    this.declared = declared;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Starts the process, again if it was killed. */
  async run() {
    const args = ["--listen", `127.0.0.1:${this.port}`, "--data-dir", join(this.folder, "data")];
    if (this.#redisPort) args.push("--ledger", "redis", "--redis-url", `redis://127.0.0.1:${this.#redisPort}`);
    if (this.tokens) args.push("--tokens-file", await this.#tokensFile());
    if (this.declared) args.push("--deployments", await this.#deploymentsFile());
    this.#process = spawn(PROGRAM, args, { stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    this.#process.stderr.on("data", (text) => { errors = (errors + text).slice(-4_000); });
    const ended = new Promise((_, reject) => {
      this.#process.once("error", reject);
      this.#process.once("exit", (code) => reject(new Error(`the server ended (${code}): ${errors}`)));
    });
    ended.catch(() => {});
    await Promise.race([ended, until("the server is ready", () => this.#isReady(), READY_MS)]);
  }

  async kill() {
    await end(this.#process);
  }

  /** Holds the process up: it lives, and answers nothing. */
  pause() {
    this.#process.kill("SIGSTOP");
  }

  resume() {
    this.#process.kill("SIGCONT");
  }

  /** Redis forgets everything. */
  async loseAll() {
    const socket = connect(this.#redisPort, "127.0.0.1");
    socket.write("FLUSHALL\r\n");
    await once(socket, "data");
    socket.destroy();
  }

  async stop() {
    await end(this.#process);
    if (this.#redis) await end(this.#redis);
    if (!this.isKept) await rm(this.folder, { recursive: true, force: true });
  }

  /** A call of the API, as an admin; its answer's body, which must be a success. */
  async call(method, path, body, headers = {}) {
    const authorization = this.tokens ? { authorization: `Bearer ${TOKENS.admin}` } : {};
    const response = await fetch(`${this.url}${path}`, {
      method, body: body && JSON.stringify(body), headers: { "content-type": "application/json", ...authorization, ...headers },
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  put(id, spec) {
    return this.call("PUT", `/v1/deployments/${encodeURIComponent(id)}`, spec);
  }

  /** One holder's beat. */
  beat(holder, parts) {
    return this.call("POST", "/v1/leases/batch", { holder, ...parts });
  }

  /** Takes a lease of exactly this, and answers with its name. */
  async take(deployment, tokens, holder = "gw-1/5f3a9c") {
    const both = (amount) => ({ min: amount, want: amount });
    const acquire = { deployment, holder, request_id: crypto.randomUUID(), tokens: both(tokens), requests: both(1) };
    return (await this.call("POST", "/v1/leases", acquire)).lease_id;
  }

  async #startRedis() {
    this.#redisPort = await freePort();
    const args = ["--port", this.#redisPort, "--bind", "127.0.0.1", "--dir", this.folder, "--save", "", "--appendonly", "yes", "--appendfsync", "always"];
    this.#redis = spawn(REDIS, args.map(String), { stdio: "ignore" });
    await until("redis listens", () => listens(this.#redisPort));
  }

  /** What JSON says is YAML too. */
  async #deploymentsFile() {
    const file = join(this.folder, "deployments.yaml");
    await writeFile(file, JSON.stringify({ deployments: this.declared }));
    return file;
  }

  async #isReady() {
    const response = await fetch(`${this.url}/readyz`).catch(() => null);
    return response?.ok ?? false;
  }

  async #tokensFile() {
    const entries = Object.entries(TOKENS).map(([role, token]) => {
      const hash = createHash("sha256").update(token).digest("hex");
      return `[[token]]\nname = "${role}"\nrole = "${role}"\nsha256 = "${hash}"\n`;
    });
    const file = join(this.folder, "tokens.toml");
    await writeFile(file, entries.join("\n"), { mode: 0o600 });
    return file;
  }
}

/** Ends a process that was started here, if it lives. */
async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => { socket.destroy(); resolve(true); });
    socket.once("error", () => resolve(false));
  });
}

/** Waits for a condition, with a bound. */
export async function until(what, holds, patienceMs = 10_000) {
  const latest = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > latest) throw new Error(`in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
