// Cards: one for each latent, or for each repeated part with its steps.

import {Choice} from "./choice.js";
import {element} from "./element.js";
import {Numbers} from "./numbers.js";
import {Angle, Direction, Switches} from "./other.js";

const KINDS = {choice: Choice, numbers: Numbers, switches: Switches, angle: Angle, direction: Direction};

/** Makes the cards of all latents, in their order; those of a `Repeat` are together in one. */
export function cards(page) {
  const made = [], groups = new Map();
  for (const control of page.about.controls) {
    if (!control.steps.length) {
      made.push(new Card(control, page));
      continue;
    }
    const name = control.name.slice(0, control.name.lastIndexOf("."));
    const key = `${name} ${control.steps}`;
    if (!groups.has(key)) made.push(groups.set(key, new Group(name, control.steps, page)).get(key));
    groups.get(key).add(new Card(control, page));
  }
  return made;
}

class Card {
  constructor(control, page) {
    this.control = control;
    this.page = page;
    this.member = control.members[0];
    this.kind = new KINDS[control.kind](control, page);
    this.says = element("span", {className: "says"});
    this.undo = element("button", {className: "undo", textContent: "Undo", hidden: true,
      onclick: () => page.undo(this.member)});
    this.follows = element("p", {className: "follows", hidden: true});
    const name = control.steps.length ? control.name.slice(control.name.lastIndexOf(".") + 1) : control.name;
    this.root = element("article", {className: "card"},
      element("header", {}, element("h2", {textContent: name, title: control.family}), this.says, this.undo),
      this.kind.body, element("p", {className: "follows", hidden: control.shown,
        textContent: "x does not depend on it in p: setting it does not change the image."}), this.follows);
  }

  /** Shows what is inferred and what is set; returns whether the latent is there. */
  update({latents, truth}, changes) {
    const latent = latents[this.member], set = this.member in changes;
    const there = latent.value !== null && latent.value !== -1 && [latent.value].flat(Infinity)[0] !== null;
    if (!there) return false;
    this.kind.update(this.member, latent, set ? changes[this.member] : latent.value, set);
    const label = this.label(truth), known = label !== undefined && label !== null && label !== -1;
    const told = this.control.kind === "choice" && known;
    this.says.textContent = this.kind.says(latent) + (told ? `; labelled ${this.control.values[label]}` : "");
    this.says.classList.toggle("wrong", told && label !== latent.value);
    this.undo.hidden = !set;
    this.root.classList.toggle("touched", set);
    const causes = this.page.about.controls.filter((other) => other.follows.includes(this.member)
      && other.members.some((member) => member in changes)).map((other) => other.name);
    this.follows.hidden = set || !causes.length;
    this.follows.textContent = `It follows ${causes.join(", ")} in p, so what is shown here is replaced by its most probable value there.`;
    return true;
  }

  label(truth) {
    const labels = truth[this.control.name];
    return this.control.steps.length ? labels?.flat?.(this.control.steps.length - 1)[this.control.members.indexOf(this.member)] : labels;
  }

  illustrate() {
    return this.kind.illustrate?.();
  }
}

class Group {
  constructor(name, steps, page) {
    this.page = page;
    this.cards = [];
    this.step = 0;
    this.tabs = element("div", {className: "steps", role: "group", "aria-label": `steps of ${name}`});
    this.absent = element("p", {className: "hint", textContent: "It is not there: the count is lower. Set the count to add it."});
    this.inside = element("div", {});
    this.root = element("article", {className: "card"},
      element("header", {}, element("h2", {textContent: name})), this.tabs, this.absent, this.inside);
    const all = steps.reduce((product, size) => product * size, 1);
    for (let step = 0; step < all; step++) {
      const place = steps.map((_, axis) => Math.floor(step / steps.slice(axis + 1).reduce((product, size) => product * size, 1)) % steps[axis] + 1);
      this.tabs.append(element("button", {textContent: place.join("."), onclick: () => this.choose(step)}));
    }
  }

  add(card) {
    this.cards.push(card);
    this.inside.append(card.root);
  }

  choose(step) {
    this.step = step;
    this.page.refresh();
  }

  update(answer, changes) {
    [...this.tabs.children].forEach((tab, step) => tab.setAttribute("aria-pressed", step === this.step));
    this.there = true;
    for (const card of this.cards) {
      card.member = card.control.members[this.step];
      this.there = card.update(answer, changes) && this.there;
    }
    this.absent.hidden = this.there;
    this.inside.hidden = !this.there;
    return this.there;
  }

  async illustrate() {
    if (this.there) for (const card of this.cards) await card.illustrate();
  }
}
