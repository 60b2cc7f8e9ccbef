// A vector of real numbers: sliders, those that rows tell most of first, and a plane of two of them.

import {colour, dragged, element, short, show} from "./element.js";

const FIRST = 8, STRIP = 9, SIZE = 320, EDGE = 10;
const HUES = ["#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#808080"];

export class Numbers {
  constructor(control, page) {
    this.control = control;
    this.page = page;
    this.order = control.told.map((_, place) => place).sort((one, other) => control.told[other] - control.told[one]);
    this.sliders = element("div", {role: "group", "aria-label": control.name});
    this.strip = element("div", {className: "strip", hidden: true});
    this.hint = element("p", {className: "follows", hidden: true});
    const many = this.order.length > FIRST;
    this.more = element("button", {className: "more", hidden: !many, onclick: () => this.open()});
    this.more.textContent = `Show all ${this.order.length}`;
    this.build(this.order.slice(0, FIRST));
    const sides = element("div", {className: "numbers"}, element("div", {}, this.sliders, this.more));
    if (this.order.length > 1) sides.prepend(this.plane());
    else sides.classList.add("alone");
    this.body = element("div", {}, sides, this.strip, this.hint);
  }

  says() {
    return "";
  }

  update(member, latent, value, touched) {
    this.member = member;
    this.value = [value].flat(Infinity);
    this.inferred = [latent.value].flat(Infinity);
    this.touched = touched;
    for (const slider of this.sliders.children) {
      const place = Number(slider.dataset.place), now = this.value[place], input = slider.querySelector("input");
      const {low, high} = this.control;
      input.min = Math.min(low[place], now, this.inferred[place]);
      input.max = Math.max(high[place], now, this.inferred[place]);
      input.value = now;
      slider.querySelector("output").textContent = short(now);
      slider.classList.toggle("touched", touched && now !== this.inferred[place]);
    }
    if (this.canvas) this.paint();
  }

  async illustrate() {
    if (this.walked === undefined) return;
    const place = this.walked, low = this.control.low[place], high = this.control.high[place];
    const values = Array.from({length: STRIP}, (_, step) => low + (high - low) * step / (STRIP - 1));
    const found = await this.page.vary(this.member, values.map((value) => this.with({[place]: value})));
    if (!found || place !== this.walked) return;
    this.strip.replaceChildren(...found.images.map((row, step) => {
      const button = element("button", {title: short(values[step]), onclick: () => this.move({[place]: values[step]})});
      show(button, row);
      return button;
    }));
    this.strip.hidden = this.hint.hidden = false;
    this.hint.textContent = `${this.control.name} ${place} from ${short(low)} to ${short(high)}; a click sets it`;
  }

  with(changes) {
    return this.value.map((value, place) => changes[place] ?? value);
  }

  move(changes) {
    this.page.set(this.member, this.with(changes));
  }

  open() {
    this.more.hidden = true;
    this.build(this.order);
    this.update(this.member, {value: this.inferred}, this.value, this.touched);
  }

  build(places) {
    this.sliders.replaceChildren(...places.map((place) => this.slider(place)));
  }

  slider(place) {
    const walk = () => { if (this.walked !== place) { this.walked = place; this.page.illustrate(); } };
    const input = element("input", {type: "range", step: "any", "aria-label": `${this.control.name} ${place}`,
      oninput: () => this.move({[place]: Number(input.value)}), onfocus: walk,
      ondblclick: () => this.move({[place]: this.inferred[place]})});
    const told = element("div", {className: "told"});
    told.style.width = `${100 * this.control.told[place]}%`;
    const slider = element("label", {className: "slider",
      title: `rows tell ${Math.round(100 * this.control.told[place])} % of it; a double click sets it back`},
      element("span", {className: "index", textContent: place}), input, element("output"), told);
    slider.dataset.place = place;
    return slider;
  }

  plane() {
    this.axes = this.order.slice(0, 2);
    this.canvas = element("canvas", {width: SIZE, height: SIZE});
    dragged(this.canvas, (across, down) => {
      const [x, y] = this.axes;
      this.move({[x]: this.at(x, across), [y]: this.at(y, 1 - down)});
    });
    const choose = (axis) => {
      const list = element("select", {"aria-label": axis ? "up" : "across",
        onchange: () => { this.axes[axis] = Number(list.value); this.paint(); }});
      this.order.forEach((place) => list.append(element("option", {value: place, textContent: place})));
      list.value = this.axes[axis];
      return list;
    };
    const {colours} = this.page.about, dots = `Dots are rows${colours ? `, coloured by ${colours.name}` : ""}. `;
    return element("div", {className: "plane"}, this.canvas,
      element("p", {}, "across", choose(0), "up", choose(1)),
      element("p", {textContent: `${this.control.points.length ? dots : ""}Drag the ring.`}));
  }

  at(place, share) {
    const inside = Math.min(1, Math.max(0, (share * SIZE - EDGE) / (SIZE - 2 * EDGE)));
    return this.control.low[place] + inside * (this.control.high[place] - this.control.low[place]);
  }

  paint() {
    const pen = this.canvas.getContext("2d"), [x, y] = this.axes, {low, high, points} = this.control;
    const share = (place, value) => EDGE + (SIZE - 2 * EDGE) * Math.min(1, Math.max(0, (value - low[place]) / (high[place] - low[place])));
    const spot = (values) => [share(x, values[x]), SIZE - share(y, values[y])];
    const classes = this.page.about.colours?.values;
    pen.clearRect(0, 0, SIZE, SIZE);
    points.forEach((point, row) => {
      pen.fillStyle = HUES[(classes?.[row] ?? 0) % HUES.length];
      pen.globalAlpha = 0.75;
      pen.beginPath();
      pen.arc(...spot(point), 2.6, 0, 7);
      pen.fill();
    });
    pen.globalAlpha = 1;
    for (const [values, name] of [[this.inferred, "soft"], [this.value, "ink"]]) {
      pen.strokeStyle = colour(name);
      pen.lineWidth = 3;
      pen.beginPath();
      pen.arc(...spot(values), 8, 0, 7);
      pen.stroke();
    }
  }
}
