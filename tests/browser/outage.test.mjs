// The server goes away and comes back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { launch, line, open } from "./browser.mjs";
import { Server, until } from "./server.mjs";

test("a lost connection is told at once, with how old the figures are, and mended", async () => {
  const [browser, server] = await Promise.all([launch(), Server.start()]);
  try {
    await server.put("d", { tpm_limit: 1_000 });
    const page = await open(browser, server);
    await line(page, "d").waitFor();
    await until("it is live", async () => (await page.locator("#live-text").innerText()) === "live");
    await server.kill();
    await page.getByText("The connection to the server is lost. What is shown below is from before.").waitFor();
    await until("the age is told", async () => /^\d+(\.\d)? s old$/.test(await page.locator("#live-text").innerText()));
    assert.ok(await line(page, "d").isVisible(), "what was known stays");
    const asked = page.waitForRequest(/overview/);
    await page.getByRole("button", { name: "Try now" }).click();
    await asked;
    await server.run();
    await server.put("new", { tpm_limit: 1 });
    await line(page, "new").waitFor({ timeout: 40_000 });
    await until("it is live again", async () => (await page.locator("#live-text").innerText()) === "live");
    assert.ok(await page.locator("#banner").isHidden());
    assert.deepEqual(page.complaints.filter((text) => !text.includes("ERR_CONNECTION")), []);
  } finally {
    await browser.close();
    await server.stop();
  }
});

test("a server that hangs is as good as away", async () => {
  const [browser, server] = await Promise.all([launch(), Server.start()]);
  try {
    await server.put("d", { tpm_limit: 1_000 });
    const page = await open(browser, server);
    await line(page, "d").waitFor();
    server.pause();
    await until("figures are late", async () => /s old$/.test(await page.locator("#live-text").innerText()));
    await page.getByText("The connection to the server is lost.").waitFor({ timeout: 20_000 });
    server.resume();
    await until("it is live again", async () => (await page.locator("#live-text").innerText()) === "live", 30_000);
    assert.deepEqual(page.complaints, []);
  } finally {
    await browser.close();
    await server.stop();
  }
});

test("a page that nobody sees asks for nothing", async () => {
  const [browser, server] = await Promise.all([launch(), Server.start()]);
  try {
    await server.put("d", { tpm_limit: 1_000 });
    const page = await open(browser, server);
    await line(page, "d").waitFor();
    let asked = 0;
    page.on("request", (request) => { asked += request.url().endsWith("/v1/overview") ? 1 : 0; });
    await until("it asks once a second", async () => asked >= 2);
    await see(page, false);
    // One may be under way.
    const before = asked;
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 3_000)));
    assert.ok(asked - before <= 1, `${asked - before} while hidden`);
    await Promise.all([page.waitForRequest(/overview/), see(page, true)]);
    assert.deepEqual(page.complaints, []);
  } finally {
    await browser.close();
    await server.stop();
  }
});

/** As if the tab were in front, or not. */
function see(page, isSeen) {
  return page.evaluate((isSeen) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => !isSeen });
    document.dispatchEvent(new Event("visibilitychange"));
  }, isSeen);
}
