"""How far the gradients of estimators are from the exact one: the report on the digits of examples/digits.py."""

import os
from pathlib import Path

import torch

import unbraid as ub

QUICK = bool(os.environ.get("UNBRAID_QUICK"))  # a few steps on drawn digits, for tests
FIGURE = Path(os.environ.get("UNBRAID_FIGURE", "gradients.png"))


class Digits(ub.Model):  # the paper's Figure 3
    """A digit and its handwriting style."""

    hidden: int = 128
    style_size: int = 8

    def encode(self, x):
        h = ub.mlp(self.hidden)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(self.style_size)(digit, h)}

    def decode(self, digit, style):
        return ub.Bernoulli(1, 28, 28)(ub.mlp(self.hidden)(digit, style))


def main() -> None:
    train = ub.data.tiny_digits(300) if QUICK else ub.data.mnist()[0]
    model = Digits(hidden=16, style_size=2) if QUICK else Digits()
    labels = ub.data.few_labels(train.labels, per_class=10, seed=0)
    ub.fit(model, train.images, labels, epochs=1)  # short: the decoder knows digits, and q is still unsure of some rows
    rows = train.images[-100:].round()  # without labels; the pixels are binary, so that they are no noise
    certain = model.infer(rows)["digit"].probs.amax(1)
    print(f"q(digit | x) of the most probable digit: {certain.mean():.3f} on average, {certain.min():.3f} at least\n")

    generator = torch.Generator().manual_seed(0)
    repeats, samples = (4, 1) if QUICK else (400, 4)  # four styles a row: the less they add, the smaller a bias is seen
    report = model.gradient_report(rows, repeats=repeats, samples=samples, generator=generator)
    print(report)
    print()
    print(report.markdown())
    report.draw(FIGURE)
    print(f"\nfigure: {FIGURE}")


if __name__ == "__main__":
    main()
