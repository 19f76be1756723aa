// Dark and light: as the system has it, until the reader chooses.

import { byId } from "./dom.js";

const KEY = "tokenlease.theme";
const NAMES = { light: "Dark", dark: "Light" };
const system = matchMedia("(prefers-color-scheme: dark)");

const chosen = () => localStorage.getItem(KEY) ?? (system.matches ? "dark" : "light");

function apply() {
  const theme = chosen();
  document.documentElement.dataset.theme = theme;
  const button = byId("theme");
  button.textContent = NAMES[theme];
  button.setAttribute("aria-label", `Switch to ${NAMES[theme].toLowerCase()} colours`);
  // What is drawn is drawn anew; the rest follows by itself.
  document.dispatchEvent(new Event("theme"));
}

export function toggleTheme() {
  localStorage.setItem(KEY, chosen() === "dark" ? "light" : "dark");
  apply();
}

export function startTheme() {
  byId("theme").addEventListener("click", toggleTheme);
  system.addEventListener("change", apply);
  apply();
}
