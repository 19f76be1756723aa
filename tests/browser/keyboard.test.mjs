// All of it without a mouse: find a deployment, open it, change its limits, meet a conflict.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, line, open } from "./browser.mjs";
import { Server, until } from "./server.mjs";

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launch(), Server.start()]);
  for (const number of Array(60).keys()) await server.put(`d-${String(number).padStart(2, "0")}`, { tpm_limit: 1_000, rpm_limit: 60 });
  await server.put("wanted", { tpm_limit: 1_000, rpm_limit: 60, labels: { team: "search" }, lease: { life_ms: 1_500 } });
});
after(async () => {
  await browser.close();
  await server.stop();
});

const current = (page) => page.evaluate(() => {
  const row = document.getElementById(document.getElementById("grid").getAttribute("aria-activedescendant"));
  return row.querySelector(".id").textContent;
});

test("the list is walked through", async () => {
  const page = await open(browser, server);
  await line(page, "d-00").waitFor();
  for (const [key, id] of [["ArrowDown", "d-01"], ["End", "wanted"], ["ArrowUp", "d-59"], ["Home", "d-00"], ["ArrowUp", "d-00"]]) {
    await page.keyboard.press(key);
    assert.equal(await current(page), id, key);
    assert.ok(await line(page, id).isVisible());
  }
  await page.keyboard.press("PageDown");
  assert.ok((await current(page)) > "d-03");
  assert.deepEqual(page.complaints, []);
});

test("search, open, change, and what else was stored stays", async () => {
  const page = await open(browser, server);
  await line(page, "d-00").waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("team=search");
  await page.keyboard.press("Enter");
  await page.locator("#detail h2", { hasText: "wanted" }).waitFor();
  assert.match(page.url(), /#\/wanted$/);
  await page.keyboard.press("e");
  await page.locator("dialog input[name=tpm_limit]").waitFor();
  await page.keyboard.type("2,500");
  await page.keyboard.press("Enter");
  await page.locator("dialog .changes").waitFor();
  assert.equal(await page.locator("dialog .changes").innerText(), "Tokens a minute: 1,000 → 2,500");
  await page.keyboard.press("Enter");
  await page.locator("dialog .good").waitFor();
  await page.keyboard.press("Enter");
  await until("the dialog is gone", async () => (await page.locator("dialog").count()) === 0);
  const { version: _, ...now } = await server.call("GET", "/v1/deployments/wanted");
  const before = { id: "wanted", tpm_limit: 2_500, rpm_limit: 60, labels: { team: "search" }, lease: { life_ms: 1_500 } };
  assert.deepEqual(now, { ...before, window: "minute", reservation: "input_plus_max_output", settlement: "refund" });
  await until("it is shown", async () => (await line(page, "wanted").innerText()).includes("/ 2.5k"));
  await page.keyboard.press("Escape");
  assert.ok(await page.locator("#detail").isHidden());
  assert.deepEqual(page.complaints, []);
});

test("a change of somebody else's is not undone", async () => {
  const page = await open(browser, server, { path: "/#/d-07" });
  await page.locator("#detail h2", { hasText: "d-07" }).waitFor();
  await page.keyboard.press("e");
  await page.locator("dialog input[name=tpm_limit]").fill("3000");
  await page.keyboard.press("Enter");
  await page.locator("dialog .changes").waitFor();
  await server.put("d-07", { tpm_limit: 1_700, rpm_limit: 60 });
  await page.keyboard.press("Enter");
  const conflict = page.locator("dialog .warning");
  await conflict.waitFor();
  assert.match(await conflict.innerText(), /Not changed: somebody else changed.*1,000 → 1,700/s);
  assert.equal(await page.locator("dialog input[name=tpm_limit]").inputValue(), "3000");
  assert.equal((await server.call("GET", "/v1/deployments/d-07")).tpm_limit, 1_700);
  // Seen and still wanted.
  await page.locator("dialog input[name=tpm_limit]").focus();
  await page.keyboard.press("Enter");
  await page.getByText("1,700 → 3,000").waitFor();
  await page.keyboard.press("Enter");
  await page.locator("dialog .good").waitFor();
  assert.equal((await server.call("GET", "/v1/deployments/d-07")).tpm_limit, 3_000);
  assert.deepEqual(page.complaints.filter((text) => !text.includes("412")), []);
});

test("what cannot be is said before it is sent", async () => {
  const page = await open(browser, server, { path: "/#/d-08" });
  await page.locator("#detail h2", { hasText: "d-08" }).waitFor();
  await page.keyboard.press("e");
  const input = page.locator("dialog input[name=tpm_limit]");
  for (const [typed, wrong] of [["12x", "a whole number"], ["-1", "a whole number"], ["1.5", "a whole number"], ["1000", "Nothing would change"]]) {
    await input.fill(typed);
    await page.keyboard.press("Enter");
    await until(wrong, async () => (await page.locator("dialog .wrong").innerText()).includes(wrong));
  }
  await page.keyboard.press("Escape");
  await until("the dialog is gone", async () => (await page.locator("dialog").count()) === 0);
  assert.deepEqual(page.complaints, []);
});
