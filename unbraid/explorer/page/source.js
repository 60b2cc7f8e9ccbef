// What to start from: a row, a drawing by hand, a file, or a draw of the model.

import {ask} from "./ask.js";
import {dragged, element, show} from "./element.js";

const byId = (name) => document.getElementById(name);

/** Fills the left side; `choose(of)` is called with what was chosen. */
export function sources(about, choose) {
  const square = about.picture && about.inverted && !(about.shape.length === 3 && about.shape[0] !== 1);
  const tabs = [["rows", "Rows", about.rows > 0], ["hand", "By hand", square], ["file", "A file", about.picture], ["draw", "From p", true]];
  const open = (name) => {
    for (const [other] of tabs) byId(`from-${other}`).hidden = other !== name;
    for (const tab of byId("tabs").children) tab.setAttribute("aria-selected", tab.dataset.name === name);
  };
  for (const [name, text, possible] of tabs) {
    if (!possible) continue;
    const tab = element("button", {textContent: text, role: "tab", onclick: () => open(name)});
    tab.dataset.name = name;
    byId("tabs").append(tab);
  }
  if (about.rows) list(about, choose);
  if (square) paper(about, choose);
  if (about.picture) file(choose);
  let seed = 0;
  byId("draw").addEventListener("click", () => choose({draw: seed++}));
  open(about.rows ? "rows" : "draw");
}

/** Marks the row that is shown. */
export function mark(of) {
  for (const thumb of byId("rows").children) thumb.setAttribute("aria-pressed", Number(thumb.dataset.row) === of.row);
}

function list(about, choose) {
  const order = byId("order");
  let start = 0, chosen = -1;
  about.orders.forEach((name) => order.append(element("option", {textContent: name})));
  const load = async (from) => {
    const found = await ask("rows", {order: order.value, start: from});
    if (!found) return;
    start = from;
    const last = start + found.rows.length;
    byId("place").textContent = found.total ? `${start + 1} to ${last} of ${found.total}` : "there are none";
    byId("back").disabled = start === 0;
    byId("on").disabled = last >= found.total;
    byId("on").onclick = () => load(last);
    byId("back").onclick = () => load(Math.max(0, start - 60));
    byId("rows").replaceChildren(...found.rows.map(({row, image}) => {
      const thumb = element("button", {className: "thumb", title: `row ${row}`, "aria-pressed": row === chosen,
        onclick: () => choose({row: chosen = row})});
      thumb.dataset.row = row;
      show(thumb, image);
      return thumb;
    }));
  };
  order.addEventListener("change", () => load(0));
  load(0);
}

function paper(about, choose) {
  const [height, width] = about.shape.slice(-2), sheet = byId("paper"), pen = sheet.getContext("2d");
  sheet.width = 10 * width;
  sheet.height = 10 * height;
  const wipe = () => { pen.fillStyle = "#fff"; pen.fillRect(0, 0, sheet.width, sheet.height); };
  const send = () => choose({file: sheet.toDataURL("image/png").split(",")[1]});
  let last = null, waits;
  dragged(sheet, (across, down, event) => {
    const at = [across * sheet.width, down * sheet.height];
    pen.strokeStyle = "#000";
    pen.lineWidth = sheet.width * 0.085;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...(event === "pointerdown" ? at : last ?? at));
    pen.lineTo(...at);
    pen.stroke();
    last = at;
    clearTimeout(waits);
    waits = setTimeout(send, 120);
  });
  byId("wipe").addEventListener("click", wipe);
  wipe();
}

function file(choose) {
  const drop = byId("drop");
  const read = (found) => {
    if (!found) return;
    const reader = new FileReader();
    reader.onload = () => choose({file: reader.result.split(",")[1]});
    reader.readAsDataURL(found);
  };
  byId("file").addEventListener("change", (event) => read(event.target.files[0]));
  for (const name of ["dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") read(event.dataTransfer.files[0]);
    });
  }
}
