"""Models of the zoo on MNIST from a few labels: `python -m experiments.zoo --model adgm --version views --seed 0`.

The settings below were developed with `--develop`: trained on the first 50,000 training rows, compared by the error on
the last 10,000 training rows, draws of labels 100 to 102. Without it a run trains on all 60,000 training rows and reads
the test set once, at its end. Every run appends one JSON record to a file of experiments/results when it ends.
"""

import argparse
import json
import time
import traceback
from collections.abc import Mapping
from typing import Any

import unbraid as ub
from experiments.record import RESULTS, append, here
from unbraid import zoo
from unbraid.estimators import SumAndSample
from unbraid.graph import Symbol


class ConvADGM(zoo.ADGM):
    """ADGM whose networks of q share three small convolutions, those of the recipe for MNIST."""

    hidden: int = 300
    size: int = 32
    drop: float = 0.3

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        h = ub.conv(16, 32, 64, kernel=(5, 3, 3))(x)
        a = ub.Normal(self.size)(ub.mlp(self.hidden)(h))
        digit = ub.Categorical(10)(ub.mlp(self.hidden, dropout=self.drop)(a, ub.dropout(self.drop)(h)))
        return {"a": a, "digit": digit, "style": ub.Normal(self.size)(ub.mlp(self.hidden)(a, digit, h))}


MODELS = {"m2": zoo.M2, "adgm": zoo.ADGM, "conv_adgm": ConvADGM}
PLAIN = ub.Settings(
    epochs=8, batch_size=200, labelled_batch_size=50, balanced=True, learning_rate=1e-3, schedule="cosine",
    warmup_steps=200, alpha=50.0, average=0.995, precision="auto",
)  # fmt: skip
VIEWS = PLAIN.changed(
    alpha=300.0, consistency=250.0, threshold=0.8, betas=(0.9, 0.99), estimators={"digit": "plug_in"}
)  # fmt: skip
CELLS = {
    ("m2", "plain"): PLAIN,
    ("m2", "views"): VIEWS,
    ("adgm", "plain"): PLAIN,
    ("adgm", "views"): VIEWS.changed(epochs=10),
    ("conv_adgm", "views"): VIEWS.changed(epochs=6, learning_rate=2e-3),
}
SUMMED = {"plain": 1, "views": 0}  # over so many digits the plain versions sum; they sample one of the others


def main() -> None:
    job = parsed()
    cell = {"model": job.model, "version": job.version, "labels": 10 * job.per_class}
    settings = CELLS[job.model, job.version].changed(seed=job.seed, **dict(job.set))
    model = MODELS[job.model](seed=job.seed, **dict(job.field))
    summed = SUMMED[job.version] if job.summed is None else job.summed
    begun = time.perf_counter()
    record: dict[str, Any] = {"experiment": "zoo", "cell": cell, "rows": "development" if job.develop else "test"}
    try:
        record["metrics"] = trained(job, model, settings, summed)
    except (RuntimeError, ValueError, KeyboardInterrupt) as error:
        record["failed"] = repr(error)
        traceback.print_exc()
    record |= {
        "seed": job.seed,
        "fields": model.fields,
        "summed": summed,
        "settings": settings.to_json(),
        "note": job.note,
        **here(),
    }
    record["seconds"] = round(time.perf_counter() - begun, 1)
    append(RESULTS / f"zoo_{'development' if job.develop else 'test'}.jsonl", record)
    print(json.dumps({key: record.get(key) for key in ("cell", "rows", "seed", "metrics", "failed", "seconds")}))


def trained(job: argparse.Namespace, model: ub.Model, settings: ub.Settings, summed: int) -> dict[str, Any]:
    """Trains one model and measures it on rows that it was not trained on."""
    train, held_out = ub.data.mnist()
    if job.develop:
        train, held_out = train[:50_000], train[50_000:]
    labels = ub.data.few_labels(train.labels, per_class=job.per_class, seed=job.seed)
    views = ub.Warp() if job.version == "views" else None
    if summed:
        model.latents["digit"].estimator = SumAndSample(k=summed)
    run = ub.fit(
        model, train.images, labels, validation=held_out if job.develop else None, test=held_out, views=views,
        settings=settings, progress="lines",
    )  # fmt: skip
    error = run.test["digit"]
    errors = [epoch["validation"]["digit"]["error"] for epoch in run.history if epoch.get("validation")]
    return {"digit_error": error["error"], "digit_error_ci": error["error_ci"], "errors_by_epoch": errors,
            "terms": run.history[-1]["terms"]}  # fmt: skip


def parsed() -> argparse.Namespace:
    """Reads the command line."""

    def pair(text: str) -> tuple[str, Any]:
        name, value = text.split("=", 1)
        return name, json.loads(value)

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, required=True)
    parser.add_argument("--version", choices=SUMMED, default="views")
    parser.add_argument("--per-class", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the draw of labels, of the weights and of the noise")
    parser.add_argument("--develop", action="store_true", help="hold out training rows; the test set is not read")
    parser.add_argument("--set", type=pair, action="append", default=[], metavar="NAME=JSON", help="a setting")
    parser.add_argument("--field", type=pair, action="append", default=[], metavar="NAME=JSON", help="of the model")
    parser.add_argument("--summed", type=int, help="sum over so many digits, sample one of the others; 0: not so")
    parser.add_argument("--note", default="")
    job = parser.parse_args()
    if (job.model, job.version) not in CELLS:
        parser.error(f"there are no settings for {job.model}, {job.version}")
    if job.develop != (job.seed >= 100):
        parser.error("draws 100 and above are for development, lower ones for the reported runs")
    return job


if __name__ == "__main__":
    main()
