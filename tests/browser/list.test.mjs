// What the list shows, and that it moves.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, line, open, openDetail } from "./browser.mjs";
import { Server, until } from "./server.mjs";

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launch(), Server.start()]);
});
after(async () => {
  await browser.close();
  await server.stop();
});

const text = (page, id, cell) => line(page, id).locator(`.c-${cell}`).innerText();

test("a window fills when leases are taken, and says so in words", async () => {
  await server.put("filling", { tpm_limit: 1_000, rpm_limit: 100 });
  const page = await open(browser, server);
  await line(page, "filling").waitFor();
  // One window: a minute that ends meanwhile would empty it.
  await startOfMinute(page);
  assert.match(await text(page, "filling", "tokens"), /^0 %/);
  await server.take("filling", 400);
  await until("two fifths", async () => (await text(page, "filling", "tokens")).startsWith("40 %"));
  assert.match(await text(page, "filling", "requests"), /^1 %/);
  assert.equal(await text(page, "filling", "state"), "ok");
  await server.take("filling", 580);
  await until("the endgame", async () => (await text(page, "filling", "state")) === "endgame");
  await server.take("filling", 20);
  await until("the end", async () => (await text(page, "filling", "state")) === "exhausted");
  assert.match(await text(page, "filling", "tokens"), /^100 %\s+1k \/ 1k/);
  await assert.rejects(server.take("filling", 50));
  await until("a denial", async () => (await text(page, "filling", "denied")) === "1");
  assert.deepEqual(page.complaints, []);
});

test("the book of an open deployment adds up, and names who holds what", async () => {
  await server.put("booked", { tpm_limit: 1_000, labels: { team: "search" } });
  const page = await open(browser, server);
  await openDetail(page, "booked");
  await startOfMinute(page);
  const lease = await server.take("booked", 500, "gw-7/77");
  await server.beat("gw-7/77", {
    used: [{ lease_id: lease, tokens: 200, requests: 1, overrun: { tokens: 30, requests: 0 } }],
    give_back: [{ lease_id: lease, tokens: 100, requests: 0, closed: false }],
  });
  const detail = page.locator("#detail");
  const row = (name) => detail.locator(".book tr", { hasText: name }).locator("td").first().innerText();
  await until("the book", async () => (await row("overrun")) === "30");
  const names = ["granted", "given back", "used", "held", "burnt", "outstanding"];
  const amounts = await Promise.all(names.map(async (name) => Number(await row(name).then((text) => text.replaceAll(",", "")))));
  const [granted, back, used, held, burnt, outstanding] = amounts;
  assert.deepEqual([granted, back, used, outstanding], [500, 100, 200, 400]);
  assert.equal(used + held + burnt, outstanding);
  await until("the lease", async () => (await detail.locator(".leases").innerText()).includes("gw-7/77"));
  assert.match(await detail.locator(".reading").innerText(), /used 200.*overrun 30/);
  await detail.getByText("As a table").click();
  assert.match(await detail.locator(".hour tbody tr").first().innerText(), /1,000\s+200/);
  assert.deepEqual(page.complaints, []);
});

test("what was put by hand is drift, on the page and in the metric, after a start too", async () => {
  const own = await Server.start({ declared: { lowered: { tpm_limit: 500 }, left: { tpm_limit: 7 } } });
  try {
    await own.put("lowered", { tpm_limit: 50 });
    await own.kill();
    await own.run();
    const page = await open(browser, own);
    await line(page, "lowered").waitFor();
    assert.equal(await line(page, "lowered").locator(".drift").innerText(), "drift");
    assert.equal(await line(page, "left").locator(".drift").innerText(), "");
    assert.match(await line(page, "lowered").locator(".drift").getAttribute("title"), /: tpm_limit$/);
    await page.fill("#search", "drift");
    assert.deepEqual(await page.locator(".row:visible .id").allInnerTexts(), ["lowered"]);
    await openDetail(page, "lowered");
    await page.locator("#detail").getByText("Not as the deployments file says: tpm_limit.").waitFor();
    const counted = async () => (await (await fetch(`${own.url}/metrics`)).text()).includes('quota_declared_deployments{state="drifted"} 1\n');
    await until("the metric counts one", counted);
    assert.deepEqual(page.complaints, []);
  } finally {
    await own.stop();
  }
});

test("search, states and order choose what is shown", async () => {
  await Promise.all(["x-1", "x-2", "x-3"].map((id, at) => server.put(id, { tpm_limit: 100, model_group: `group-${at}` })));
  const page = await open(browser, server);
  await line(page, "x-1").waitFor();
  await startOfMinute(page);
  await server.take("x-2", 100);
  const ids = () => page.locator(".row:visible .id").allInnerTexts();
  await page.fill("#search", "x-");
  await until("x-2 is exhausted", async () => (await text(page, "x-2", "state")) === "exhausted");
  assert.deepEqual((await ids()).toSorted(), ["x-1", "x-2", "x-3"]);
  assert.match(await page.locator("#shown").innerText(), /^3 of/);
  await page.fill("#search", "x- group-2");
  assert.deepEqual(await ids(), ["x-3"]);
  await page.fill("#search", "x-");
  await page.locator(".chip", { hasText: "exhausted" }).click();
  assert.deepEqual(await ids(), ["x-2"]);
  await page.locator(".chip", { hasText: "all" }).click();
  await page.locator("#head").getByText("Tokens").click();
  await until("the fullest is first", async () => {
    const tops = await page.locator(".row:visible").evaluateAll((rows) => rows.map((row) => [row.getAttribute("aria-rowindex"), row.querySelector(".id").textContent]));
    return tops.find(([index]) => index === "2")?.[1] === "x-2";
  });
  await page.fill("#search", "no such thing");
  assert.equal(await page.locator("#empty").innerText(), "No deployment matches.");
  assert.deepEqual(page.complaints, []);
});

test("a window that Redis lost is quarantined", async () => {
  const onRedis = await Server.start({ redis: true });
  try {
    await onRedis.put("lost", { tpm_limit: 1_000 });
    const page = await open(browser, onRedis);
    await until("it is ok", async () => (await text(page, "lost", "state")) === "ok");
    await onRedis.loseAll();
    await until("it is quarantined", async () => (await text(page, "lost", "state")) === "quarantined");
    await openDetail(page, "lost");
    assert.match(await page.locator("#detail .means").first().innerText(), /nothing is granted until the next window/i);
    assert.deepEqual(page.complaints, []);
  } finally {
    await onRedis.stop();
  }
});

/** Waits until the ledger's minute has room for a test. */
async function startOfMinute(page) {
  const left = async () => Number.parseInt(await page.locator("#minute-text").innerText(), 10);
  await until("the minute has room", async () => (await left()) > 20, 60_000);
}
