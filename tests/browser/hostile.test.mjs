// Names that want to be more than names.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, line, open, openDetail } from "./browser.mjs";
import { Server, until } from "./server.mjs";

const NAMES = [
  "<img src=x onerror=complain('ran')>",
  "\"><script>complain('ran')</script>",
  "javascript:complain('ran')",
  "{{constructor.constructor('complain()')()}}",
  "%2e%2e/%00?#&=+",
  "`${complain('ran')}` ' \" &lt;b&gt;",
];

let browser, server;

before(async () => {
  [browser, server] = await Promise.all([launch(), Server.start()]);
  for (const name of NAMES) await server.put(name, { tpm_limit: 1_000, model_group: name, labels: { [name.slice(0, 30)]: name } });
});
after(async () => {
  await browser.close();
  await server.stop();
});

test("names of deployments, groups, labels and holders are shown as they are", async () => {
  const page = await open(browser, server);
  for (const name of NAMES) {
    await server.take(name, 10, name);
    await openDetail(page, name);
    assert.equal(await page.locator("#detail h2").innerText(), name);
    assert.ok((await page.locator("#detail .labels").innerText()).includes(name));
    await server.take(name, 10, name);
    await until("its holder is shown", async () => (await page.locator("#detail .leases tbody").innerText()).includes(name));
    await page.keyboard.press("e");
    assert.equal(await page.locator("dialog .of").innerText(), name);
    await page.keyboard.press("Escape");
  }
  assert.equal(await page.locator("img").count(), 1, "the page's own");
  assert.equal(await page.locator("body script, iframe, object, embed").count(), 0);
  assert.deepEqual(page.complaints, []);
});

test("an address with a hostile name opens that deployment and nothing else", async () => {
  const page = await open(browser, server, { path: `/#/${encodeURIComponent(NAMES[0])}` });
  await page.locator("#detail h2").waitFor();
  assert.equal(await page.locator("#detail h2").innerText(), NAMES[0]);
  const broken = await open(browser, server, { path: "/#/%E0%A4%A" });
  await line(broken, NAMES[0]).waitFor();
  assert.ok(await broken.locator("#detail").isHidden());
  assert.deepEqual([...page.complaints, ...broken.complaints], []);
});

test("the policy that the page comes with is enforced", async () => {
  const page = await open(browser, server);
  await line(page, NAMES[0]).waitFor();
  const thrown = await page.evaluate(() => {
    try {
      document.body.innerHTML = "<p>markup</p>";
      return "nothing";
    } catch (error) {
      return error.name;
    }
  });
  assert.equal(thrown, "TypeError");
  await page.evaluate(() => fetch("http://127.0.0.1:9/").catch(() => {}));
  await until("the browser refused", () => page.complaints.some((text) => text.startsWith("policy: connect-src")));
});
