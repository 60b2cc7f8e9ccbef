"""Two labelled factors, one discrete and one continuous, each known for other rows: drawn squares."""

import os

import numpy as np
import torch

import unbraid as ub

QUICK = bool(os.environ.get("UNBRAID_QUICK"))


class Squares(ub.Model):
    """A square of one of three greys, somewhere."""

    hidden: int = 64

    def encode(self, x):
        h = ub.conv(16, 32)(x)
        kind = ub.Categorical(3)(h)
        place = ub.Normal(2)(ub.mlp(self.hidden)(h))
        return {"kind": kind, "place": place}

    def decode(self, kind, place):
        return ub.Normal(1, 12, 12)(loc=ub.deconv(32, 16, to=(1, 12, 12))(kind, ub.mlp(self.hidden)(place)), scale=0.1)


def squares(rows: int, seed: int) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Draws squares of 4 x 4 pixels: images (rows, 1, 12, 12), the kind, and the place in units of its spread."""
    rng = np.random.default_rng(seed)
    kind, corner = rng.integers(0, 3, rows), rng.integers(0, 9, (rows, 2))
    images = np.zeros((rows, 1, 12, 12), np.float32)
    for row in range(rows):
        y, x = corner[row]
        images[row, 0, y : y + 4, x : x + 4] = (kind[row] + 1) / 3
    images += rng.normal(0, 0.05, images.shape).astype(np.float32)
    return torch.from_numpy(images), {"kind": kind, "place": ((corner - 4) / 2.6).astype(np.float32)}


def main() -> None:
    images, truth = squares(300 if QUICK else 4000, seed=0)
    labels = {"kind": truth["kind"].copy(), "place": truth["place"].copy()}
    labels["kind"][60:] = -1  # the kind is known for the first 60 rows
    labels["place"][:40] = np.nan  # the place for 80 others, 20 of them among these
    labels["place"][120:] = np.nan
    model = Squares()
    print(model.explain(labels))
    run = ub.fit(model, images, labels, test=squares(500, seed=1), epochs=2 if QUICK else 20, learning_rate=2e-3)
    kind, place = run.test["kind"]["error"], run.test["place"]["rmse"]
    print(f"kind: {100 * kind:.1f} % wrong; place: {place:.2f} root mean squared error, in units of its spread")


if __name__ == "__main__":
    main()
