// Puts the page together. What comes from the server goes feed -> deployments -> list, heat, detail; what the reader
// does goes to the one that it is about. Which deployment is open stands in the address, so that it can be sent to others.

import { setToken } from "./api.js";
import { Banner } from "./banner.js";
import { Deployments, SORTS } from "./deployments.js";
import { Detail } from "./detail.js";
import { byId, h, setAttribute, setText } from "./dom.js";
import { editLimits } from "./edit.js";
import { Feed } from "./feed.js";
import { whole } from "./format.js";
import { Heat } from "./heat.js";
import { startKeys } from "./keys.js";
import { List } from "./list.js";
import { Server } from "./server.js";
import { STATES } from "./states.js";
import { startTheme, toggleTheme } from "./theme.js";
import { askToken, showForget } from "./token.js";

const TICK_MS = 250;
const MINUTE_MS = 60_000;

const feed = new Feed();
const deployments = new Deployments();
const list = new List();
const server = new Server();
const heat = new Heat(open);
const detail = new Detail({ close, edit });
const banner = new Banner(feed, () => token("A token that this server knows."));
const search = byId("search");
const chips = new Map();

function open(id) {
  location.hash = `#/${encodeURIComponent(id)}`;
}

function close() {
  if (server.close()) return;
  if (detail.id === null && search.value) return clearSearch();
  if (detail.id !== null) history.pushState(null, "", location.pathname + location.search);
  route();
  list.focus();
}

function edit() {
  const id = detail.id ?? list.current;
  if (id !== null) editLimits(id, (id) => deployments.find(id), () => feed.ask());
}

async function token(why) {
  if (await askToken(why)) feed.ask();
}

/** Opens what the address names. */
function route() {
  const [, name] = /^#\/(.+)$/.exec(location.hash) ?? [];
  const one = name === undefined ? undefined : deployments.find(decoded(name));
  if (one && detail.id !== one.id) {
    detail.open(one);
    detail.focus();
  } else if (name === undefined && detail.id !== null) {
    detail.shut();
  }
  document.body.classList.toggle("with-detail", detail.id !== null);
  list.mark(detail.id);
}

function decoded(name) {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Shows what there is, in the order that it should have, or the one that it had while somebody is at it. */
function show({ reordered = true } = {}) {
  const held = !reordered && list.isHeld && SORTS[deployments.sort].moves;
  const items = held ? deployments.again(list.ids) : deployments.view();
  list.show(items, deployments.sort);
  heat.show(deployments.all, (one) => deployments.matches(one));
  const all = deployments.all.length;
  setText(byId("shown"), items.length === all ? `${whole(all)} shown` : `${whole(items.length)} of ${whole(all)} shown`);
  showChips();
  showEmpty(items.length, all);
}

function showEmpty(found, all) {
  const empty = byId("empty");
  empty.hidden = found > 0;
  const none = "There are no deployments yet. Make one with PUT /v1/deployments/{id}.";
  setText(empty, all === 0 ? none : "No deployment matches.");
}

function showChips() {
  const counts = deployments.counts();
  for (const [state, { button, number }] of chips) {
    setText(number, whole(state === "all" ? deployments.all.length : counts[state] ?? 0));
    const pressed = state === "all" ? deployments.states.size === 0 : deployments.states.has(state);
    setAttribute(button, "aria-pressed", pressed);
  }
}

function makeChips() {
  for (const state of ["all", ...Object.keys(STATES).toReversed()]) {
    const number = h("b", {}, "0");
    const button = h("button", { type: "button", class: "chip", "data-state": state, onclick: () => toggle(state) }, number, ` ${state}`);
    chips.set(state, { button, number });
    byId("chips").append(button);
  }
}

function toggle(state) {
  if (state === "all") deployments.states.clear();
  else if (!deployments.states.delete(state)) deployments.states.add(state);
  show();
}

function sortBy(sort) {
  deployments.sort = sort;
  byId("sort").value = sort;
  show();
}

function clearSearch() {
  search.value = "";
  deployments.search = "";
  show();
}

function tick() {
  banner.show();
  if (feed.overview === null) return;
  const left = feed.minuteLeft;
  byId("minute-left").style.transform = `scaleX(${(left / MINUTE_MS).toFixed(4)})`;
  setText(byId("minute-text"), `${Math.ceil(left / 1_000)} s left`);
}

let known = null;

feed.addEventListener("overview", () => {
  if (known !== feed.overview) {
    known = feed.overview;
    deployments.take(known);
    server.take(known);
    show({ reordered: false });
  }
  route();
  if (detail.id !== null) detail.show(deployments.find(detail.id));
  tick();
});

feed.addEventListener("failure", () => {
  const { status } = feed.failure.error;
  if (status === 401 && feed.failure.failures === 1) token("This server shows nothing without a token that it knows.");
  tick();
});

list.addEventListener("open", ({ detail: id }) => open(id));
list.addEventListener("sort", ({ detail: sort }) => sortBy(sort));
search.addEventListener("input", () => {
  deployments.search = search.value;
  show();
});
byId("sort").append(...Object.entries(SORTS).map(([value, { name }]) => h("option", { value }, `by ${name.toLowerCase()}`)));
byId("sort").addEventListener("change", (event) => sortBy(event.target.value));
byId("forget").addEventListener("click", () => {
  setToken("");
  showForget();
  location.reload();
});
addEventListener("hashchange", route);
addEventListener("popstate", route);

startTheme();
makeChips();
showForget();
startKeys({ list, search: () => { search.focus(); search.select(); }, clear: clearSearch, close, edit, theme: toggleTheme });
setInterval(tick, TICK_MS);
list.focus();
feed.start();
