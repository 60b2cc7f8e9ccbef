// The page: a row, what is inferred of it, what is set by hand, and what the row becomes.

import {ask, Latest} from "./ask.js";
import {cards} from "./cards.js";
import {element, show, short} from "./element.js";
import {python} from "./python.js";
import {mark, sources} from "./source.js";

const PAUSE = 150; // ms without a change before the tiles are drawn
const byId = (name) => document.getElementById(name);

class Page {
  changes = {};
  #looks = new Latest();
  #pictures = new Latest();
  #waits;

  constructor(about) {
    this.about = about;
    document.title = about.title;
    byId("title").textContent = about.title;
    for (const density of ["q", "p"]) byId(density).textContent = about.program[density];
    this.cards = cards(this);
    byId("controls").append(...this.cards.map((card) => card.root));
    byId("copy").addEventListener("click", () => navigator.clipboard.writeText(byId("code").textContent));
    sources(about, (of) => this.choose(of));
    const kept = remembered();
    this.changes = kept.changes;
    this.choose(kept.of ?? (about.rows ? {row: 0} : {draw: 0}), kept.changes);
  }

  /** Starts from another row; what is set by hand stays set. */
  choose(of) {
    this.of = of;
    mark(of);
    this.look();
  }

  set(member, value) {
    this.changes[member] = value;
    this.look();
  }

  undo(...members) {
    for (const member of members) delete this.changes[member];
    this.look();
  }

  /** Asks what the row becomes with some values of one latent. */
  vary(name, values) {
    return ask("vary", {of: this.of, changes: this.changes, name, values});
  }

  look() {
    if (this.answer) this.refresh();
    this.#looks.run(async () => {
      const answer = await ask("look", {of: this.of, changes: this.changes});
      if (!answer) return;
      this.answer = answer;
      for (const name of ["input", "reconstruction", "changed"]) show(byId(name), answer[name]);
      this.refresh();
      this.illustrate();
    });
  }

  /** Draws the tiles once nothing has changed for a moment. */
  illustrate() {
    clearTimeout(this.#waits);
    this.#waits = setTimeout(() => this.#pictures.run(async () => {
      for (const card of this.cards) await card.illustrate();
    }), PAUSE);
  }

  /** Brings all controls up to what is known and set. */
  refresh() {
    for (const card of this.cards) card.update(this.answer, this.changes);
    const set = Object.entries(this.changes);
    byId("said").textContent = set.length ? "with what you set" : "Nothing is set yet: choose a tile, or move a slider.";
    const chips = set.map(([member, value]) => element("button", {className: "chip", title: "Undo",
      textContent: `${member} ${this.words(member, value)}`, onclick: () => this.undo(member)}));
    if (chips.length > 1) chips.push(element("button", {textContent: "Undo all", onclick: () => this.undo(...Object.keys(this.changes))}));
    byId("changes").replaceChildren(...chips);
    byId("code").textContent = python(this.about, this.of, this.changes);
    if (!("file" in this.of)) history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify({of: this.of, changes: this.changes}))}`);
    mark(this.of);
  }

  words(member, value) {
    const control = this.about.controls.find((each) => each.members.includes(member));
    if (control.kind === "choice") return control.values[value];
    const numbers = [value].flat(Infinity);
    return numbers.length > 3 ? "changed" : numbers.map(short).join(", ");
  }
}

/** Returns what the address says was looked at before the page was loaded again. */
function remembered() {
  try {
    const {of, changes} = JSON.parse(decodeURIComponent(location.hash.slice(1)));
    return {of, changes: changes ?? {}};
  } catch {
    return {changes: {}};
  }
}

const about = await ask("describe");
if (about) new Page(about);
