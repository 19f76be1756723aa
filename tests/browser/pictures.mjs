// The pictures of the README: a real server, real leases, as they are after `MINUTES` of traffic.

import { mkdir } from "node:fs/promises";
import { launch, line, open } from "./browser.mjs";
import { Server, until } from "./server.mjs";
import { Gateways, putAll, site } from "./traffic.mjs";

const MINUTES = Number(process.env.MINUTES ?? 61);
const FOLDER = new URL("../../docs/pictures/", import.meta.url);
const DEPLOYMENTS = 240;
const OPEN = process.env.OPEN ?? "gpt-4o-eu-west";

const PICTURES = {
  "dashboard-light": { colorScheme: "light", viewport: { width: 1440, height: 900 } },
  "dashboard-dark": { colorScheme: "dark", viewport: { width: 1440, height: 900 } },
  "dashboard-phone": { colorScheme: "dark", viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 },
};

const [browser, server] = await Promise.all([launch(), Server.start({ folder: process.env.DATA })]);
const all = site(DEPLOYMENTS);
await putAll(server, all);
const gateways = new Gateways(server, all);
await new Promise((resolve) => setTimeout(resolve, MINUTES * 60_000));
await mkdir(FOLDER, { recursive: true });
for (const [name, options] of Object.entries(PICTURES)) {
  const page = await open(browser, server, options);
  await line(page, all[0].id).or(page.locator(".row").first()).waitFor();
  // Late in a minute there is most to see.
  const left = async () => Number.parseInt(await page.locator("#minute-text").innerText(), 10);
  await until("the minute is old", async () => (await left()) < 14 && (await left()) > 5, 120_000);
  if (!name.endsWith("phone")) {
    await page.goto(`${server.url}/#/${OPEN}`);
    await page.locator("#detail .plot rect").first().waitFor();
  }
  await page.evaluate(() => { document.getElementById("sort").value = "tokens"; document.getElementById("sort").dispatchEvent(new Event("change")); });
  await page.waitForTimeout(1_500);
  await page.screenshot({ path: new URL(`${name}.png`, FOLDER).pathname });
  if (page.complaints.length > 0) throw new Error(page.complaints.join("\n"));
  await page.context().close();
}
await gateways.stop();
await browser.close();
await server.stop();
