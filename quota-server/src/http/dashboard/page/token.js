// Asks for a token. It is kept for this tab only, and sent to this server only.

import { hasToken, setToken } from "./api.js";
import { field, openDialog } from "./dialog.js";
import { byId, h } from "./dom.js";

let isOpen = false;

/** Asks for one, saying why; resolves with whether one was given. */
export function askToken(why) {
  if (isOpen) return Promise.resolve(false);
  isOpen = true;
  return new Promise((resolve) => {
    let given = false;
    openDialog("Token", (close) => [form(why, (token) => {
      setToken(token);
      given = true;
      showForget();
      close();
    })], () => {
      isOpen = false;
      resolve(given);
    });
  });
}

/** Whether there is a token to forget. */
export function showForget() {
  byId("forget").hidden = !hasToken();
}

function form(why, done) {
  const input = h("input", {
    type: "password", name: "token", autocomplete: "off", spellcheck: "false", required: true, autofocus: true,
  });
  return h("form", {
    onsubmit: (event) => {
      event.preventDefault();
      done(input.value.trim());
    },
  }, [
    h("p", {}, why),
    field("Token", input, "Kept until this tab is closed. A viewer's shows everything; changes need an admin's."),
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "main" }, "Use it")),
  ]);
}
