// Bits, angles and directions.

import {colour, dragged, element, short} from "./element.js";

const DOT = 16, BALL = 288;

/** Bits, as cells that a click turns; how dark a cell is says how probable it is. */
export class Switches {
  constructor(control, page) {
    const [width, height] = [control.shape.at(-1), control.shape.slice(0, -1).reduce((all, size) => all * size, 1)];
    this.canvas = element("canvas", {width: width * DOT, height: height * DOT, onclick: (event) => {
      const column = Math.floor(event.offsetX / this.canvas.clientWidth * width);
      const row = Math.floor(event.offsetY / this.canvas.clientHeight * height), place = row * width + column;
      page.set(this.member, this.value.map((bit, other) => other === place ? 1 - bit : bit));
    }});
    this.canvas.style.width = `${Math.min(13, 1.75 * width)}rem`;
    this.width = width;
    this.body = element("div", {className: "bits"}, this.canvas);
  }

  says({value}) {
    const bits = [value].flat(Infinity);
    return `${bits.filter(Boolean).length} of ${bits.length} set`;
  }

  update(member, latent, value) {
    this.member = member;
    this.value = [value].flat(Infinity);
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    [latent.probabilities].flat(Infinity).forEach((probability, place) => {
      const x = place % this.width * DOT, y = Math.floor(place / this.width) * DOT;
      pen.globalAlpha = 0.85 * probability;
      pen.fillStyle = colour("soft");
      pen.fillRect(x, y, DOT, DOT);
      pen.globalAlpha = 1;
      pen.strokeStyle = colour(this.value[place] ? "accent" : "rule");
      pen.lineWidth = this.value[place] ? 4 : 1;
      pen.strokeRect(x + 2, y + 2, DOT - 4, DOT - 4);
    });
  }
}

/** An angle, in degrees. */
export class Angle {
  constructor(control, page) {
    this.input = element("input", {type: "range", min: -180, max: 180, step: "any", "aria-label": control.name,
      oninput: () => page.set(this.member, Number(this.input.value) * Math.PI / 180)});
    this.output = element("output");
    this.body = element("label", {className: "slider"}, element("span"), this.input, this.output);
  }

  says({value}) {
    return `${short(value * 180 / Math.PI)}°`;
  }

  update(member, latent, value) {
    this.member = member;
    const turned = value * 180 / Math.PI;
    this.input.value = turned - 360 * Math.round(turned / 360);
    this.output.textContent = `${short(Number(this.input.value))}°`;
  }
}

/** A unit vector: in three dimensions a ball seen from the front, of which the third component is towards you. */
export class Direction {
  constructor(control, page) {
    this.page = page;
    this.body = element("div", {className: "ball"});
    const sliders = element("div", {});
    if (control.shape[0] === 3) {
      this.canvas = element("canvas", {width: BALL, height: BALL});
      dragged(this.canvas, (across, down) => {
        let [x, y] = [2 * across - 1, 1 - 2 * down];
        const length = Math.hypot(x, y), side = this.value[2] < 0 ? -1 : 1;
        if (length > 1) [x, y] = [x / length, y / length];
        this.page.set(this.member, [x, y, side * Math.sqrt(Math.max(0, 1 - x * x - y * y))]);
      });
      this.body.append(this.canvas);
      sliders.append(element("button", {textContent: "Other side",
        onclick: () => page.set(this.member, [this.value[0], this.value[1], -this.value[2]])}));
    }
    this.sliders = Array.from({length: control.shape[0]}, (_, place) => this.slider(control, place));
    sliders.append(...this.sliders);
    this.body.append(sliders);
  }

  says({value}) {
    return `(${value.map(short).join(", ")})`;
  }

  slider(control, place) {
    const input = element("input", {type: "range", min: -1, max: 1, step: "any", "aria-label": `${control.name} ${place}`,
      oninput: () => this.page.set(this.member, turned(this.value, place, Number(input.value)))});
    return element("label", {className: "slider"},
      element("span", {className: "index", textContent: place}), input, element("output"));
  }

  update(member, latent, value) {
    this.member = member;
    this.value = value;
    this.sliders.forEach((slider, place) => {
      slider.querySelector("input").value = value[place];
      slider.querySelector("output").textContent = short(value[place]);
    });
    if (this.canvas) this.paint();
  }

  paint() {
    const pen = this.canvas.getContext("2d"), middle = BALL / 2, radius = middle - 12;
    const at = ([x, y]) => [middle + radius * x, middle - radius * y];
    const behind = this.value[2] < 0;
    pen.clearRect(0, 0, BALL, BALL);
    const glow = pen.createRadialGradient(...at(this.value), 0, middle, middle, radius);
    glow.addColorStop(0, colour(behind ? "panel" : "wash"));
    glow.addColorStop(1, colour("panel"));
    pen.fillStyle = glow;
    pen.strokeStyle = colour("rule");
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(middle, middle, radius, 0, 7);
    pen.fill();
    pen.stroke();
    pen.strokeStyle = pen.fillStyle = colour("accent");
    pen.lineWidth = 4;
    pen.beginPath();
    pen.arc(...at(this.value), 9, 0, 7);
    if (behind) pen.stroke(); else pen.fill();
  }
}

/** Sets one component of a unit vector and scales the others, so that it stays one. */
function turned(vector, place, value) {
  const rest = Math.hypot(...vector.filter((_, other) => other !== place));
  const scale = Math.sqrt(Math.max(0, 1 - value * value)) / (rest || 1);
  const even = Math.sqrt(Math.max(0, 1 - value * value) / (vector.length - 1));
  return vector.map((each, other) => other === place ? value : rest ? each * scale : even);
}

