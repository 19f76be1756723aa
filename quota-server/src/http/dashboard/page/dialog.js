// A dialog in front of the page. The browser keeps the focus in it and gives it back.

import { h } from "./dom.js";

/** Opens one; `content` makes what is in it, and is given a function that closes it. */
export function openDialog(title, content, onclose = () => {}) {
  const heading = h("h2", { id: "dialog-title" }, title);
  const dialog = h("dialog", { "aria-labelledby": "dialog-title" });
  const close = () => dialog.close();
  const shut = h("button", { type: "button", class: "quiet", "aria-label": "Close", onclick: close }, "×");
  dialog.append(h("div", { class: "dialog-head" }, heading, shut), ...content(close));
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose();
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
  return dialog;
}

/** A labelled field. */
export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint ? h("small", {}, hint) : null);
}
