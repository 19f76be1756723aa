// Speaks with the server, with the token that the reader gave. The token lives as long as the tab.

const BASE = new URL("../", import.meta.url);
const KEY = "tokenlease.token";
const PATIENCE_MS = 10_000;

/** The server cannot be reached, or did not answer in time. */
export class Lost extends Error {}

/** The server said no: a problem document, RFC 9457. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail ?? document.title ?? `the server answered ${status}`);
    this.status = status;
    this.code = document.code ?? "";
    this.retryAfterMs = document.retry_after_ms ?? 0;
  }
}

export const hasToken = () => sessionStorage.getItem(KEY) !== null;

export function setToken(token) {
  if (token) sessionStorage.setItem(KEY, token);
  else sessionStorage.removeItem(KEY);
}

/** The path of a deployment, or of what is under it. */
export const deploymentPath = (id, rest = "") => `v1/deployments/${encodeURIComponent(id)}${rest}`;

/** Sends a request. Answers 2xx and 304 are returned, all else is thrown. */
export async function send(path, { method = "GET", body, headers = {}, signal } = {}) {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const request = {
    method,
    headers: { ...authorization(), ...(body ? { "content-type": "application/json" } : {}), ...headers },
    body: body && JSON.stringify(body),
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
    cache: "no-store",
    redirect: "manual",
  };
  const response = await fetch(new URL(path, BASE), request).catch((error) => {
    if (signal?.aborted) throw error;
    throw new Lost("the server does not answer");
  });
  if (response.ok || response.status === 304) return response;
  throw await problem(response);
}

/** Asks for JSON. */
export async function read(path, signal) {
  const response = await send(path, { signal });
  return response.json();
}

function authorization() {
  const token = sessionStorage.getItem(KEY);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

async function problem(response) {
  if (response.type === "opaqueredirect") {
    const detail = "this server is a standby: only the active server makes changes";
    return new Problem(307, { code: "standby", detail });
  }
  const document = await response.json().catch(() => ({}));
  return new Problem(response.status, document);
}
