// Changes a deployment's limits, in three steps: what they are, what would change, and what came of it. The change is
// made only to the version that the reader saw.

import { deploymentPath, send } from "./api.js";
import { field, openDialog } from "./dialog.js";
import { h } from "./dom.js";
import { whole } from "./format.js";
import { askToken } from "./token.js";

const LARGEST = Number.MAX_SAFE_INTEGER;
const LIMITS = [["tpm_limit", "Tokens a minute", "tokens"], ["rpm_limit", "Requests a minute", "requests"]];

const said = (limit) => (limit === undefined || limit === null ? "no limit" : whole(limit));

/** Opens the dialog; `seen` gives the deployment as the overview has it, `done` is called after a change. */
export async function editLimits(id, seen, done) {
  const editor = new Editor(id, seen, done);
  await editor.begin();
}

class Editor {
  #body = h("div", { class: "steps" });
  #close = () => {};

  constructor(id, seen, done) {
    this.id = id;
    this.seen = seen;
    this.done = done;
  }

  async begin() {
    const dialog = openDialog("Change limits", (close) => {
      this.#close = close;
      return [h("p", { class: "of" }, h("bdi", {}, this.id)), this.#body];
    });
    dialog.classList.add("edit");
    await this.#load();
  }

  /** The deployment as it is stored, and its version. */
  async #load() {
    this.#show(h("p", {}, "Reading the deployment …"));
    try {
      const response = await send(deploymentPath(this.id));
      this.etag = response.headers.get("etag");
      const { id: _id, version: _version, declared: _declared, ...spec } = await response.json();
      this.spec = spec;
      this.#ask(spec);
    } catch (error) {
      this.#failed(error, () => this.#load());
    }
  }

  #ask(values, note) {
    const inputs = LIMITS.map(([name]) => h("input", {
      name, type: "text", inputmode: "numeric", pattern: "[0-9,_ ]*", autocomplete: "off", value: values[name] ?? "",
      autofocus: name === "tpm_limit",
    }));
    const wrong = h("p", { class: "wrong", role: "alert" });
    const hint = (name) => `now ${said(this.spec[name])}; empty: no limit`;
    const fields = LIMITS.map(([name, label], at) => field(label, inputs[at], hint(name)));
    const submit = (event) => {
      event.preventDefault();
      try {
        this.#review(Object.fromEntries(LIMITS.map(([name, label], at) => [name, parse(inputs[at].value, label)])));
      } catch (error) {
        wrong.textContent = error.message;
      }
    };
    this.#show(h("form", { novalidate: true, onsubmit: submit }, note ?? null, fields, wrong, buttons("Review", this.#close)));
  }

  #review(wish) {
    const isBare = wish.tpm_limit === null && wish.rpm_limit === null && (this.spec.limits ?? []).length === 0;
    if (isBare) throw new Error("One limit at least must stay.");
    const changes = LIMITS.filter(([name]) => wish[name] !== (this.spec[name] ?? null));
    if (changes.length === 0) throw new Error("Nothing would change.");
    const again = () => this.#ask(wish);
    const form = h("form", { onsubmit: (event) => { event.preventDefault(); this.#put(wish); } },
      h("p", {}, "This will change, for all gateways and at once:"), h("ul", { class: "changes" }, changed(changes, this.spec, wish)),
      this.#warnings(wish), buttons("Change it", again, "Back"));
    this.#show(form);
    form.querySelector("button.main").focus();
  }

  /** A lowered limit can stop a deployment: say so. */
  #warnings(wish) {
    const one = this.seen(this.id);
    if (!one) return [];
    const over = LIMITS.filter(([name, , unit]) => wish[name] !== null && one[unit].spent > wish[name]);
    return over.map(([, , unit]) => h("p", { class: "warning" }, `${whole(one[unit].spent)} ${unit} are spent in this window: `
      + "nothing is granted until that is below the new limit."));
  }

  async #put(wish) {
    this.#show(h("p", { role: "status" }, "Changing …"));
    const body = { ...this.spec, ...wish };
    for (const [name] of LIMITS) if (body[name] === null) delete body[name];
    try {
      await send(deploymentPath(this.id), { method: "PUT", body, headers: { "if-match": this.etag } });
      this.#done();
    } catch (error) {
      if (error.status === 412) await this.#conflict(wish);
      else this.#failed(error, () => this.#put(wish));
    }
  }

  #done() {
    const close = h("button", { type: "button", class: "main", onclick: this.#close }, "Close");
    this.#show(h("p", { role: "status", class: "good" }, "Changed. The next grant goes by the new limits."), h("div", { class: "buttons" }, close));
    close.focus();
    this.done();
  }

  /** Somebody else was faster: shows what they made of it, with the reader's wish still in the fields. */
  async #conflict(wish) {
    const before = this.spec;
    await this.#load();
    const theirs = LIMITS.filter(([name]) => (before[name] ?? null) !== (this.spec[name] ?? null));
    const lines = changed(theirs, before, this.spec);
    const note = h("div", { class: "warning", role: "alert" },
      h("p", {}, "Not changed: somebody else changed this deployment since you opened it."), lines.length > 0 ? h("ul", {}, lines) : null,
      h("p", {}, "Your values are still below. Review them against the new ones."));
    if (this.etag) this.#ask(wish, note);
  }

  #failed(error, again) {
    const needsToken = error.status === 401 || error.status === 403;
    const text = needsToken ? `${error.message}. Changes need an admin's token.` : error.message;
    const retry = async () => {
      if (!needsToken || await askToken("Changes need an admin's token.")) again();
    };
    const button = h("button", { type: "button", class: "main", onclick: retry }, needsToken ? "Enter a token" : "Try again");
    this.#show(h("p", { role: "alert", class: "wrong" }, `Not changed: ${text}`), h("div", { class: "buttons" }, button));
    button.focus();
  }

  #show(...content) {
    this.#body.replaceChildren(...content.flat());
    this.#body.querySelector("[autofocus]")?.select();
  }
}

/** A line for each limit that is another one: what it was and what it is. */
function changed(limits, before, after) {
  return limits.map(([name, label]) => h("li", {}, `${label}: ${said(before[name])} → `, h("strong", {}, said(after[name]))));
}

/** A limit as it was typed; `null` where there is to be none. */
function parse(text, label) {
  const digits = text.replaceAll(/[\s,_]/g, "");
  if (digits === "") return null;
  const limit = Number(digits);
  if (!/^\d+$/.test(digits) || limit > LARGEST) {
    throw new Error(`${label}: a whole number up to ${whole(LARGEST)}, or nothing.`);
  }
  return limit;
}

function buttons(main, other, name = "Cancel") {
  return h("div", { class: "buttons" },
    h("button", { type: "button", onclick: other }, name), h("button", { type: "submit", class: "main" }, main));
}
