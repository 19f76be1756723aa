// Light, dark and on a phone: no fault that axe knows of, and nothing wider than the screen.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { launch, line, open, openDetail } from "./browser.mjs";
import { Server, until } from "./server.mjs";
import { Gateways, putAll, site } from "./traffic.mjs";

const AXE = await readFile(new URL("./node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };
const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "a light phone": { ...PHONE, colorScheme: "light" },
  "a dark phone": { ...PHONE, colorScheme: "dark" },
  "little motion": { reducedMotion: "reduce" },
};

let browser, server, gateways;
const all = site(40);

before(async () => {
  [browser, server] = await Promise.all([launch(), Server.start()]);
  await putAll(server, all);
  gateways = new Gateways(server, all);
});
after(async () => {
  await gateways.stop();
  await browser.close();
  await server.stop();
});

/** What axe finds, as one line each. */
async function faults(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
}

const tooWide = (page) => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

for (const [name, options] of Object.entries(LOOKS)) {
  test(`${name}: the list, a deployment, the dialogs`, async () => {
    const page = await open(browser, server, options);
    await page.fill("#search", all[0].id);
    await line(page, all[0].id).waitFor();
    const look = async (what) => {
      assert.deepEqual(await faults(page), [], what);
      assert.equal(await tooWide(page), false, what);
    };
    await look("the list");
    await openDetail(page, all[0].id);
    await page.locator("#detail .plot rect").first().waitFor();
    await page.getByText("As a table").click();
    await look("a deployment");
    await page.keyboard.press("e");
    await page.locator("dialog input[name=tpm_limit]").fill("1");
    await page.keyboard.press("Enter");
    await page.locator("dialog .changes").waitFor();
    await look("a change");
    await page.keyboard.press("Escape");
    await page.locator("#server summary").click();
    await look("the server");
    assert.deepEqual(page.complaints, []);
  });
}

test("colours follow the system until they are chosen", async () => {
  const page = await open(browser, server, { colorScheme: "dark" });
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  assert.equal(await theme(), "dark");
  await page.emulateMedia({ colorScheme: "light" });
  await until("light", async () => (await theme()) === "light");
  await page.locator("#theme").click();
  assert.equal(await theme(), "dark");
  await page.reload();
  assert.equal(await theme(), "dark");
});
