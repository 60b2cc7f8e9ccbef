// Elements of the page; text is text, never markup.

/** Makes an element with properties, event listeners (onclick, ...) and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** Shows a row inside an element: an image's URL, or numbers as a line. */
export function show(inside, row) {
  if (typeof row === "string") {
    const image = inside.querySelector("img") ?? inside.appendChild(element("img", {alt: ""}));
    image.src = row;
    return;
  }
  const low = Math.min(0, ...row), high = Math.max(...row, low + 1e-9);
  const at = (value, place) => `${(place + 0.5) / row.length * 100},${(1 - (value - low) / (high - low)) * 48 + 1}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 50");
  const line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
  line.setAttribute("points", row.map(at).join(" "));
  line.setAttribute("fill", "none");
  line.setAttribute("stroke", "currentColor");
  inside.replaceChildren(svg);
}

/** Writes a number with three digits, at most three of them after the point. */
export function short(number) {
  return Number(Math.abs(number) < 1 ? number.toFixed(3) : number.toPrecision(3)).toString().replace("-", "−");
}

/** Writes a share of one in percent. */
export function percent(share) {
  return `${(100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1)} %`;
}

/** Calls back with where a pointer is on a canvas, from 0 to 1 across and down, while it is down. */
export function dragged(canvas, call) {
  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    const share = (at, start, length) => Math.min(1, Math.max(0, (at - start) / length));
    call(share(event.clientX, box.left, box.width), share(event.clientY, box.top, box.height), event.type);
  };
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); where(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) where(event); });
}

/** Returns the colour of a style variable of the page. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
