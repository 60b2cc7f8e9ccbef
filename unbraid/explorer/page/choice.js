// One of several values: a tile for each, with what the row becomes.

import {element, percent, show} from "./element.js";

const MOST = 24; // tiles; of more values the most probable ones have a tile, and all are in a list

export class Choice {
  constructor(control, page) {
    this.control = control;
    this.page = page;
    this.tiles = element("div", {className: "tiles", role: "group", "aria-label": control.name});
    this.all = element("select", {"aria-label": `${control.name}: all values`, hidden: control.values.length <= MOST,
      onchange: () => this.page.set(this.member, Number(this.all.value))});
    control.values.forEach((name, value) => this.all.append(element("option", {value, textContent: name})));
    this.body = element("div", {}, this.tiles, this.all);
  }

  /** Says what is inferred, in words. */
  says({value, probabilities}) {
    return `${this.control.values[value]}, ${percent(probabilities[value])}`;
  }

  name(value) {
    return this.control.values[value];
  }

  update(member, latent, chosen) {
    this.member = member;
    const {probabilities} = latent;
    const order = probabilities.map((_, value) => value);
    if (order.length > MOST) {
      order.sort((one, other) => probabilities[other] - probabilities[one]).length = MOST - 1;
      if (!order.includes(chosen)) order.push(chosen);
    }
    this.shown = order;
    this.all.value = chosen;
    const old = new Map([...this.tiles.children].map((tile) => [Number(tile.dataset.value), tile]));
    this.tiles.replaceChildren(...order.map((value) => old.get(value) ?? this.tile(value)));
    for (const tile of this.tiles.children) {
      const value = Number(tile.dataset.value);
      tile.classList.toggle("inferred", value === latent.value);
      tile.setAttribute("aria-pressed", value === chosen);
      tile.title = `${this.name(value)}: ${percent(probabilities[value])}`;
      tile.querySelector("i").style.width = `${100 * probabilities[value]}%`;
    }
  }

  /** Draws the tiles' images; asked when nothing has changed for a moment. */
  async illustrate() {
    if (!this.control.shown) return;
    const shown = this.shown, found = await this.page.vary(this.member, shown);
    found?.images.forEach((row, place) => {
      const tile = this.tiles.querySelector(`[data-value="${shown[place]}"] .image`);
      if (tile) show(tile, row);
    });
  }

  tile(value) {
    const tile = element("button", {className: "tile", onclick: () => this.page.set(this.member, value)},
      element("div", {className: "image", hidden: !this.control.shown}),
      element("span", {className: "name", textContent: this.name(value)}),
      element("span", {className: "bar"}, element("i")));
    tile.dataset.value = value;
    return tile;
  }
}
