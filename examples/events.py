"""A sequence of events of unknown number: a signal in which 0 to 3 blips follow one another, few of them labelled."""

import os
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

import unbraid as ub
from unbraid.evaluation import evaluate_labels
from unbraid.evaluation.baseline import supervised_baseline
from unbraid.objectives.given import given_labels
from unbraid.training.plan import SupervisionPlan

QUICK = bool(os.environ.get("UNBRAID_QUICK"))
TIMES, MOST = 32, 3


class Event(ub.Submodel):
    """A blip: its kind, how large it is, and when it is; the state says what came before."""

    def encode(self, h, state):
        kind = ub.Categorical(3, estimator="plug_in")(h, state)
        return {"kind": kind, "size": ub.Normal(1)(kind, h, state), "time": ub.Normal(1)(kind, h, state)}

    def decode(self, kind, size, time):
        return ub.dense(TIMES)(ub.mlp(64)(kind, size, time))


class Events(ub.Model):
    """A count, and as many events, whose signals add up."""

    hidden: int = 128

    def encode(self, x):
        h = torch.relu(ub.module(nn.Conv1d(1, 32, 5, padding=2))(x.unsqueeze(1)))
        h = torch.relu(ub.module(nn.Conv1d(32, 32, 5, padding=2, stride=2))(h))
        h = ub.mlp(self.hidden)(h.flatten(1))
        count = ub.Categorical(MOST + 1)(h)
        return {"count": count, "events": ub.Repeat(Event(), at_most=MOST)(h, count)}

    def decode(self, events):
        return ub.Normal(TIMES, scale=0.1)(loc=events.decode().sum(1))


def signals(rows: int, seed: int) -> tuple[torch.Tensor, dict[str, np.ndarray]]:
    """Draws signals (rows, 32), their counts, and the kinds of their events in the order of time, -1 past the count."""
    rng, time = np.random.default_rng(seed), np.arange(TIMES)
    count = rng.integers(0, MOST + 1, rows)
    kind = rng.integers(0, 3, (rows, MOST))
    x = rng.normal(0, 0.1, (rows, TIMES))
    for row in range(rows):
        free = TIMES - 5 - 5 * count[row]  # events are at least five times apart
        starts = np.sort(rng.integers(0, free, count[row])) + 5 * np.arange(count[row])
        for event, start in enumerate(starts):
            since, size = time - start, rng.uniform(0.7, 1.3)
            shape = [
                np.exp(-((since - 2) ** 2) / 2),  # a bump
                (since >= 0) * np.exp(-since / 2.0),  # a jump that fades
                np.exp(-((since - 1) ** 2)) - np.exp(-((since - 3) ** 2)),  # up and down
            ][kind[row, event]]
            x[row] += size * shape
    kind[np.arange(MOST) >= count[:, None]] = -1
    return torch.from_numpy(x.astype(np.float32)), {"count": count, "events.kind": kind}


@dataclass(frozen=True)
class Moved:
    """A view that keeps the labels: the signal a little earlier or later, louder or softer, with other noise."""

    times: int = 3

    def __call__(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        by = torch.randint(-self.times, self.times + 1, (len(x), 1), generator=generator)
        moved = x.gather(1, (torch.arange(TIMES) - by) % TIMES)
        loud = 0.9 + 0.2 * torch.rand(len(x), 1, generator=generator)
        return loud * moved + 0.05 * torch.randn(x.shape, generator=generator)


def main() -> None:
    rows, labelled = (300, 60) if QUICK else (6000, 200)
    x, truth = signals(rows, seed=0)
    labels = {name: label.copy() for name, label in truth.items()}
    for label in labels.values():
        label[labelled:] = -1
    test, wanted = signals(500 if QUICK else 2000, seed=1)
    model = Events()
    print(model)
    options = {"epochs": 2 if QUICK else 15, "learning_rate": 2e-3, "labelled_batch_size": 50}
    run = ub.fit(model, x, labels, views=Moved(), consistency=1.0, average=0.99, progress="quiet", **options)

    plan = SupervisionPlan.of(given_labels(model.graph, labels, rows), rows)
    steps = 10 if QUICK else 500
    settings = ub.Settings(learning_rate=2e-3, labelled_batch_size=50)
    alone = supervised_baseline(Events(), x, plan, settings, views=Moved(), steps=steps)
    for name, asked in (("with all rows", run.model), (f"with the {labelled} labelled rows alone", alone)):
        found = evaluate_labels(asked, test, wanted)
        errors = ", ".join(f"{100 * found[each]['error']:.1f} % of {each}" for each in ("count", "events.kind"))
        print(f"wrong {name}: {errors}")

    shown = run.model.analogy(test[:4], count=range(MOST + 1))  # the same signal with 0, 1, 2 and 3 events
    print("size of the signal with 0 to 3 events:", shown.abs().sum(-1).mean(0).round(decimals=1).tolist())


if __name__ == "__main__":
    main()
