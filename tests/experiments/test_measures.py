"""What is measured of trained models besides their errors: numbers for a record, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import unbraid as ub
from experiments import swaps as judging
from experiments.disentangled import disentangled
from experiments.face_pictures import Relit
from experiments.faces import Faces
from experiments.measure import Found, attempt
from experiments.swaps import judge_of, swaps
from unbraid.data import Rows
from unbraid.errors import DataError
from unbraid.graph import Symbol

ROWS = ub.data.sprites(300, scales=2, rotations=1, places=8)
FACTORS = {name: ROWS.labels[name] for name in ("shape", "scale", "x")}


class Perfect(ub.Model):
    """Predicts the factors of the rows as they are, whatever it is shown."""

    def predict(self, x: Any, **known: Any) -> dict[str, Tensor]:
        return {name: torch.as_tensor(values) for name, values in FACTORS.items()}

    def encode(self, x: Symbol) -> Mapping[str, Symbol]:
        return {"shape": ub.Categorical(3)(x.flatten(1))}

    def decode(self, shape: Symbol) -> Symbol:
        return ub.Bernoulli(1, 32, 32)(shape)


def test_a_perfect_code_is_disentangled() -> None:
    found = disentangled(Perfect(), ROWS, FACTORS)
    assert set(found.metrics) == {
        "mig", "dci_disentanglement", "dci_completeness", "dci_informativeness", "sap", "factor_vae",
    }  # fmt: skip
    assert found.unmeasured == {}
    assert found.metrics["mig"] > 0.9
    assert found.metrics["factor_vae"] == 1
    assert found.metrics["dci_informativeness"] > 0.95


def test_what_cannot_be_measured_has_a_reason() -> None:
    few = {"person": np.arange(300) % 100, **FACTORS}
    assert disentangled(Perfect(), ROWS, few).unmeasured == {
        "disentanglement": "3.0 rows for each value of 'person', fewer than 5"
    }
    same = disentangled(Perfect(), ROWS, {"shape": np.zeros(300, np.int64)})
    assert set(same.unmeasured) == {"mig", "dci", "sap", "factor_vae"}
    assert "'shape' is 0 in every row" in same.unmeasured["mig"]


def test_only_what_a_user_can_cause_is_a_reason() -> None:
    def broken() -> Mapping[str, float]:
        raise DataError("too few")

    def wrong() -> Mapping[str, float]:
        raise RuntimeError("a mistake of ours")

    assert attempt("a", broken) | attempt("b", lambda: {"b": 1.0}) == Found({"b": 1.0}, {"a": "too few"})
    with pytest.raises(RuntimeError, match="of ours"):
        attempt("a", wrong)


class Moved:
    """Sets the shape of sprites by drawing another row of that shape; it keeps nothing else."""

    def analogy(self, x: Tensor, **factor: Iterable[Any]) -> Tensor:
        ((_, values),) = factor.items()
        first = [int(np.flatnonzero(ROWS.labels["shape"] == value)[0]) for value in values]
        return ROWS.images[first][None].expand(len(x), -1, -1, -1, -1)


def test_swaps_are_judged_by_one_judge_for_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def train(images: Tensor, labels: Mapping[str, Any], **more: Any) -> Any:
        trained.append(set(labels))
        return Sees()

    class Sees:
        def predict(self, images: Tensor, /) -> dict[str, Tensor]:
            which = [int((ROWS.images == image).flatten(1).all(1).nonzero()[0]) for image in images]
            return {name: torch.as_tensor(ROWS.labels[name][which]) for name in ("shape", "x")}

    judge_of.cache_clear()
    monkeypatch.setattr(judging, "train_judge", train)
    for _ in range(2):
        found = swaps(Moved(), ROWS, ROWS, {"shape": range(3)}, keep=["x"], most=50)
    judge_of.cache_clear()
    assert trained == [{"shape", "x"}]
    assert set(found.metrics) == {
        "swap_shape_shown", "swap_shape_kept_x_deviation", "judge_shape", "judge_x_deviation",
    }  # fmt: skip
    assert found.metrics["swap_shape_shown"] == found.metrics["judge_shape"] == 1
    assert found.metrics["judge_x_deviation"] == 0 < found.metrics["swap_shape_kept_x_deviation"]


def test_a_swap_that_cannot_be_judged_has_a_reason() -> None:
    rows = Rows(ROWS.images, {"shape": np.zeros(300, np.int64)}, "squares")
    found = swaps(Moved(), rows, rows, {"shape": [0]}, epochs=1, width=1, most=5)
    assert found.metrics == {}
    assert "no image is left" in found.unmeasured["swap_shape"]


@pytest.mark.parametrize("structure", ["neither", "q", "p", "both"])
def test_shading_follows_what_is_set_where_it_depends_on_it(structure: str) -> None:
    seen: list[Tensor] = []

    class Watched(Faces):
        def generate(self, values: Mapping[str, Any]) -> Tensor:
            seen.append(values["shading"])
            return super().generate(values)

    x = torch.rand(3, 1, 48, 42, generator=torch.Generator().manual_seed(0))
    images = Relit(Watched(structure=structure)).analogy(x, lighting=[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    assert images.shape == (3, 2, 1, 48, 42)
    if structure == "p":  # analogies leave it to p
        assert seen == []
    else:
        front, side = seen
        assert torch.equal(front, side) == (structure == "neither")
