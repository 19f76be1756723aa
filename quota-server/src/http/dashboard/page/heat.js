// Every deployment as a square, in the order of their ids: a thousand of them fit above the list. What the list leaves
// out is faint. The list says the same in words.

import { byId } from "./dom.js";

const LARGEST = 15;
const GAP = 1;

export class Heat {
  #canvas = byId("heat");
  #cell = LARGEST;
  #columns = 1;
  #all = [];
  #matches = () => true;

  constructor(open) {
    this.#canvas.addEventListener("click", (event) => {
      const one = this.#at(event);
      if (one) open(one.id);
    });
    this.#canvas.addEventListener("pointermove", (event) => {
      const one = this.#at(event);
      this.#canvas.title = one ? `${one.id}: ${one.state}` : "";
    });
    new ResizeObserver(() => this.#draw()).observe(this.#canvas);
    document.addEventListener("theme", () => this.#draw());
  }

  /** `matches` says which of them the list shows. */
  show(all, matches) {
    this.#all = all;
    this.#matches = matches;
    this.#draw();
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width === 0 || this.#all.length === 0) return this.#clear();
    const scale = devicePixelRatio;
    const size = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== size[0] || this.#canvas.height !== size[1]) {
      [this.#canvas.width, this.#canvas.height] = size;
    }
    this.#fit(width, height);
    const context = this.#canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const colours = palette(this.#canvas);
    this.#all.forEach((one, at) => this.#square(context, one, at, colours));
  }

  #clear() {
    this.#canvas.getContext("2d").clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  /** The largest squares that all fit. */
  #fit(width, height) {
    this.#cell = Math.min(LARGEST, Math.max(3, Math.floor(Math.sqrt((width * height) / this.#all.length))));
    while (this.#cell > 3 && Math.floor(width / this.#cell) * Math.floor(height / this.#cell) < this.#all.length) {
      this.#cell -= 1;
    }
    this.#columns = Math.max(1, Math.floor(width / this.#cell));
  }

  #square(context, one, at, colours) {
    const x = (at % this.#columns) * this.#cell;
    const y = Math.floor(at / this.#columns) * this.#cell;
    const size = this.#cell - GAP;
    const fill = Math.max(one.tokens.share ?? 0, one.requests.share ?? 0);
    context.globalAlpha = this.#matches(one) ? 1 : 0.18;
    context.fillStyle = colours.empty;
    context.fillRect(x, y, size, size);
    context.globalAlpha *= one.state in colours ? 1 : Math.min(1, fill);
    context.fillStyle = colours[one.state] ?? colours.full;
    context.fillRect(x, y, size, size);
  }

  #at({ offsetX, offsetY }) {
    const column = Math.floor(offsetX / this.#cell);
    if (column >= this.#columns) return undefined;
    return this.#all[Math.floor(offsetY / this.#cell) * this.#columns + column];
  }
}

function palette(canvas) {
  const style = getComputedStyle(canvas);
  const colour = (name) => style.getPropertyValue(name);
  return {
    empty: colour("--track"), full: colour("--accent"), endgame: colour("--endgame"),
    exhausted: colour("--exhausted"), quarantined: colour("--quarantined"),
  };
}
