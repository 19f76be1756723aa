// How smooth a thousand deployments with live traffic are: frame times while nothing is done, while the list is
// scrolled, sorted by a figure, searched and walked through by keyboard. Prints a table; asserts nothing.

import { cpus } from "node:os";
import { launch, open } from "./browser.mjs";
import { Server } from "./server.mjs";
import { Gateways, putAll, site } from "./traffic.mjs";

const DEPLOYMENTS = Number(process.env.DEPLOYMENTS ?? 1_000);
const MS = 10_000;

/** Runs in the page: frames and long tasks while `act` is repeated. */
async function measure([ms, act]) {
  const acts = {
    rest: () => {},
    scroll: (at) => { document.getElementById("grid").scrollTop = (at * 90) % (document.getElementById("rows").offsetHeight - 600); },
    walk: () => document.getElementById("grid").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowDown", bubbles: true })),
    search: (at) => {
      const search = document.getElementById("search");
      search.value = ["", "g", "gp", "gpt", "gpt-4o e"][Math.floor(at / 12) % 5];
      search.dispatchEvent(new Event("input"));
    },
  };
  const long = [];
  const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)));
  observer.observe({ entryTypes: ["longtask"] });
  const frames = [];
  const began = performance.now();
  let last = await new Promise(requestAnimationFrame);
  for (let at = 0; last - began < ms; at += 1) {
    acts[act](at);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  observer.disconnect();
  return { frames, long };
}

/** What the browser's main thread did meanwhile, ms a second. */
async function busy(devtools, act) {
  const read = async () => Object.fromEntries((await devtools.send("Performance.getMetrics")).metrics.map(({ name, value }) => [name, value]));
  const before = await read();
  const measured = await act();
  const after = await read();
  const spent = (name) => (((after[name] - before[name]) / (after.Timestamp - before.Timestamp)) * 1_000).toFixed(0);
  return { ...measured, busy: ["ScriptDuration", "RecalcStyleDuration", "LayoutDuration"].map(spent) };
}

function figures({ frames, long, busy }) {
  const sorted = frames.toSorted((a, b) => a - b);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))].toFixed(1);
  const late = frames.filter((ms) => ms > 25).length;
  return [at(0.5), at(0.99), at(1), `${((100 * late) / frames.length).toFixed(2)} %`, String(long.length), Math.max(0, ...long).toFixed(0), ...busy];
}

const [browser, server] = await Promise.all([launch(), Server.start()]);
const all = site(DEPLOYMENTS);
await putAll(server, all);
const gateways = new Gateways(server, all);
const page = await open(browser, server);
await page.locator(".row").first().waitFor();
await page.evaluate(() => { document.getElementById("sort").value = "tokens"; document.getElementById("sort").dispatchEvent(new Event("change")); });
console.log(`${DEPLOYMENTS} deployments, 8 gateways, ${cpus().length} cores, Chromium ${browser.version()} without a GPU, ${MS / 1_000} s each\n`);
const devtools = await page.context().newCDPSession(page);
await devtools.send("Performance.enable");
console.log("| while | frame p50, ms | p99 | longest | over 25 ms | long tasks | longest, ms | script, ms a second | styles | layout |");
console.log("|---|---|---|---|---|---|---|---|---|---|");
for (const [act, name] of [["rest", "only updating"], ["scroll", "scrolling"], ["walk", "walking by keyboard"], ["search", "searching"]]) {
  console.log(`| ${[name, ...figures(await busy(devtools, () => page.evaluate(measure, [MS, act])))].join(" | ")} |`);
}
const size = await page.evaluate(() => document.querySelectorAll("*").length);
console.log(`\n${size} elements in the page; complaints of the browser: ${page.complaints.length}`);
await gateways.stop();
await browser.close();
await server.stop();
