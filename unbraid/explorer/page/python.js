// What the page shows, as Python that makes the same image.

/** Writes the code: the row, then the latents that are set. */
export function python(about, of, changes) {
  const shape = about.shape.join(", ");
  const x = "row" in of ? `images[[${of.row}]]` : "draw" in of
    ? `model.sample(1, torch.Generator().manual_seed(${of.draw}))` : `...  # your image, (1, ${shape}), from 0 to 1`;
  const set = Object.entries(changes).map(([name, value]) => [name, literal(about, name, value)]);
  const words = set.filter(([name]) => /^[A-Za-z_]\w*$/.test(name)).map(([name, value]) => `${name}=${value}`);
  const others = set.filter(([name]) => !/^[A-Za-z_]\w*$/.test(name)).map(([name, value]) => `"${name}": ${value}`);
  if (others.length) words.push(`**{${others.join(", ")}}`);
  const edit = words.length ? `model.edit(x, ${words.join(", ")})` : "model.reconstruct(x)";
  return `x = ${x}\nimage = ${edit}`;
}

function literal(about, member, value) {
  const control = about.controls.find((each) => each.members.includes(member));
  if (!Array.isArray(value)) return Number.isInteger(value) ? `${value}` : value.toPrecision(4);
  const flat = `torch.tensor([${value.map((each) => Number(each.toPrecision(4))).join(", ")}])`;
  return control.shape.length > 1 ? `${flat}.reshape(${control.shape.join(", ")})` : flat;
}
