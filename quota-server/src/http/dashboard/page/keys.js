// What can be done without a mouse.

import { byId, h } from "./dom.js";
import { openDialog } from "./dialog.js";

const KEYS = [
  ["/", "search"], ["↑ ↓", "move in the list"], ["Page up, Page down, Home, End", "move further"],
  ["Enter", "open the current deployment"], ["Esc", "close it, or clear the search"], ["e", "change its limits"],
  ["t", "dark or light"], ["?", "this list"],
];

const isTyping = (target) => target.closest("input, select, textarea, dialog") !== null;

/** `actions`: list, search, close, edit, theme. */
export function startKeys(actions) {
  const { list } = actions;
  const anywhere = {
    "/": () => actions.search(),
    "?": showKeys,
    t: () => actions.theme(),
    e: () => actions.edit(),
    Escape: () => actions.close(),
  };
  const inList = {
    ArrowDown: () => list.move(1),
    ArrowUp: () => list.move(-1),
    PageDown: () => list.move(list.page),
    PageUp: () => list.move(-list.page),
    Home: () => list.move(-Infinity),
    End: () => list.move(Infinity),
    Enter: () => list.choose(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const inGrid = event.target === byId("grid") ? inList[event.key] : undefined;
    const act = inGrid ?? anywhere[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("search").addEventListener("keydown", (event) => inSearch(event, actions));
  byId("help").addEventListener("click", showKeys);
}

function inSearch(event, { list, clear }) {
  if (event.key === "ArrowDown" || event.key === "Enter") {
    event.preventDefault();
    list.focus();
    if (event.key === "Enter") list.choose();
  } else if (event.key === "Escape") {
    event.preventDefault();
    clear();
    list.focus();
  }
}

function showKeys() {
  const rows = KEYS.flatMap(([key, does]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, does)]);
  openDialog("Keyboard", () => [h("dl", { class: "pairs" }, rows)]);
}
