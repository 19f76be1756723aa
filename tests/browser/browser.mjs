// Chromium, and what every test wants to know of a page: that nothing went wrong in it.

import { chromium } from "playwright-core";

const PROGRAM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Nothing but the page: no service of the browser's asks anybody else. */
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--force-color-profile=srgb",
];

export const launch = () => chromium.launch({ executablePath: PROGRAM, args: FLAGS });

/** A page of its own profile, on a server. Collects what the browser complains of in `page.complaints`. */
export async function open(browser, server, { path = "/", token, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light", ...options });
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => page.complaints.push(`thrown: ${error.message}`));
  await page.exposeFunction("complain", (text) => page.complaints.push(text));
  await page.addInitScript((token) => {
    document.addEventListener("securitypolicyviolation", (event) => complain(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    if (token) sessionStorage.setItem("tokenlease.token", token);
  }, token);
  await page.goto(new URL(path, server.url).href);
  return page;
}

/** The line of a deployment. */
export const line = (page, id) => page.locator(".row", { has: page.getByText(id, { exact: true }) });

/** Opens a deployment and waits for its detail. */
export async function openDetail(page, id) {
  await line(page, id).click();
  await page.locator("#detail h2", { hasText: id }).waitFor();
}
