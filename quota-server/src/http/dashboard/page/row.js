// One line of the list. It is made once and shows one deployment after another as the list is scrolled.

import { h, setAttribute, setText } from "./dom.js";
import { percent, short, whole } from "./format.js";

const cell = (name, ...children) => h("div", { role: "gridcell", class: `c-${name}` }, children);

/** A unit's fill: a share, the sum behind it, and a bar of four layers. */
export class Fill {
  #share = h("span", { class: "share" });
  #sum = h("span", { class: "sum" });
  #layers = ["over", "burnt", "held", "used"].map((name) => h("i", { class: name }));
  #bar = h("span", { class: "bar", "aria-hidden": "true" }, this.#layers);

  elements() {
    return [this.#share, this.#sum, this.#bar];
  }

  show(unit) {
    const { limit, spent, share } = unit;
    setText(this.#share, share === null ? "no limit" : percent(share));
    setText(this.#sum, limit === null ? short(spent) : `${short(spent)} / ${short(limit)}`);
    setAttribute(this.#sum, "title", limit === null ? whole(spent) : `${whole(spent)} of ${whole(limit)}`);
    this.#bar.hidden = limit === null;
    for (const layer of this.#layers) {
      const scale = `scaleX(${Math.min(1, unit[layer.className]).toFixed(4)})`;
      if (layer.style.transform !== scale) layer.style.transform = scale;
    }
  }
}

export class Row {
  #id = h("bdi", { class: "id" });
  #group = h("bdi", { class: "group" });
  #drift = h("span", { class: "drift" });
  #state = h("span", { class: "badge" });
  #tokens = new Fill();
  #requests = new Fill();
  #figures = ["denied", "burnt", "leases", "holders"].map((name) => cell(name));

  constructor(number) {
    this.element = h("div", { role: "row", class: "row", id: `row-${number}` }, [
      cell("state", this.#state),
      cell("id", this.#id, this.#drift, this.#group),
      cell("tokens", ...this.#tokens.elements()),
      cell("requests", ...this.#requests.elements()),
      ...this.#figures,
    ]);
  }

  /** Shows a deployment as line `index`, `top` px down. */
  show(one, index, top) {
    const place = `translateY(${top}px)`;
    if (this.element.style.transform !== place) this.element.style.transform = place;
    setAttribute(this.element, "aria-rowindex", index + 2);
    setAttribute(this.element, "data-state", one.state);
    this.#name(one);
    setText(this.#state, one.state);
    setAttribute(this.#state, "data-state", one.state);
    this.#tokens.show(one.tokens);
    this.#requests.show(one.requests);
    this.#count(one);
  }

  mark(isCurrent, isOpen) {
    this.element.classList.toggle("current", isCurrent);
    setAttribute(this.element, "aria-selected", isOpen);
  }

  #name(one) {
    setText(this.#id, one.id);
    setAttribute(this.#id, "title", one.id);
    setText(this.#group, one.model_group ?? "");
    const drift = one.drift ?? [];
    setText(this.#drift, drift.length > 0 ? "drift" : "");
    setAttribute(this.#drift, "title", drift.length > 0 ? `Not as the deployments file says: ${drift.join(", ")}` : null);
  }

  #count(one) {
    const amounts = [one.denied.requests, one.burnt.tokens, one.leases, one.holders];
    this.#figures.forEach((figure, at) => {
      setText(figure, short(amounts[at]));
      figure.classList.toggle("zero", amounts[at] === 0);
    });
  }
}
