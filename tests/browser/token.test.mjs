// Who may see and who may change what, and that a token stays in its tab.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, line, open } from "./browser.mjs";
import { Server, TOKENS } from "./server.mjs";

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launch(), Server.start({ tokens: true })]);
  await server.put("d", { tpm_limit: 1_000 });
});
after(async () => {
  await browser.close();
  await server.stop();
});

const refused = (page) => page.complaints.filter((text) => !/status of (401|403)/.test(text));

async function give(page, token) {
  await page.locator("dialog input[name=token]").fill(token);
  await page.keyboard.press("Enter");
}

test("without a token, with a wrong one and with a gateway's it says why it shows nothing", async () => {
  const page = await open(browser, server);
  await page.locator("dialog input[name=token]").waitFor();
  await give(page, "a-guess");
  const banner = page.locator("#banner");
  await page.getByText("This server shows nothing without a token that it knows.").first().waitFor();
  let asked = 0;
  page.on("request", () => { asked += 1; });
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 2_500)));
  assert.equal(asked, 0, "a wrong token is not tried on");
  await banner.getByRole("button").click();
  await give(page, TOKENS.gateway);
  await banner.getByText("This token may not see the books").waitFor();
  assert.equal(await page.locator(".row").count(), 0);
  await banner.getByRole("button").click();
  await give(page, TOKENS.viewer);
  await line(page, "d").waitFor();
  assert.ok(await banner.isHidden());
  assert.deepEqual(refused(page), []);
});

test("a viewer is told that changes need an admin's, and can give one", async () => {
  const page = await open(browser, server, { token: TOKENS.viewer, path: "/#/d" });
  await page.locator("#detail h2").waitFor();
  await page.keyboard.press("e");
  await page.locator("dialog input[name=tpm_limit]").fill("2000");
  await page.keyboard.press("Enter");
  await page.locator("dialog .changes").waitFor();
  await page.keyboard.press("Enter");
  await page.getByText("Changes need an admin's token").first().waitFor();
  assert.equal((await server.call("GET", "/v1/deployments/d")).tpm_limit, 1_000);
  await page.keyboard.press("Enter");
  await give(page, TOKENS.admin);
  await page.locator("dialog .good").waitFor();
  assert.equal((await server.call("GET", "/v1/deployments/d")).tpm_limit, 2_000);
  assert.deepEqual(refused(page), []);
});

test("a token is kept for its tab, until it is forgotten", async () => {
  const page = await open(browser, server);
  await give(page, TOKENS.viewer);
  await line(page, "d").waitFor();
  const kept = await page.evaluate(() => [localStorage.length, document.cookie, location.href]);
  assert.deepEqual(kept, [0, "", `${server.url}/`]);
  await page.reload();
  await line(page, "d").waitFor();
  await page.getByRole("button", { name: "Forget token" }).click();
  await page.locator("dialog input[name=token]").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});
