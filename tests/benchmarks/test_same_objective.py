"""All systems of step_time.py compute the same loss, at the same weights and noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.systems.by_hand import loss_of
from benchmarks.systems.m2_by_hand import HandWrittenM2
from benchmarks.systems.unbraid import M2
from benchmarks.workload import ALPHA, VALUES, Kind, batch

KINDS = get_args(Kind)
HIDDEN, STYLE, ROWS = 6, 3, 20
LAYERS = {
    "features": "encode_dense_0", "digit": "encode_dense_1", "style_features": "encode_dense_2",
    "style": "encode_dense_3", "back": "decode_dense_0", "pixels": "decode_dense_1",
}  # fmt: skip
"""Each layer's name in the unbraid model."""
PERCEPTRONS = {
    "encoder_y": ("features", "digit"),
    "encoder_z": ("style_features", "style"),
    "decoder": ("back", "pixels"),
}
"""The two layers of each network of Pyro's and NumPyro's models."""


def inputs() -> tuple[Tensor, Tensor]:
    images, digits = batch(ROWS)
    return torch.from_numpy(images), torch.from_numpy(digits)


def by_hand(kind: Kind, seed: int, shared: bool = False) -> float:
    x, digit = inputs()
    loss = loss_of(weights(shared), kind, "m2", digit, torch.Generator().manual_seed(seed))(x)
    return loss.item()


def weights(shared: bool = False) -> HandWrittenM2:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return HandWrittenM2(HIDDEN, STYLE, shared=shared)


@pytest.mark.parametrize("kind", KINDS)
def test_sharing_changes_nothing(kind: Kind) -> None:
    assert by_hand(kind, seed=1, shared=True) == pytest.approx(by_hand(kind, seed=1), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_unbraid(kind: Kind) -> None:
    model, reference, (x, digit) = M2(hidden=HIDDEN, style_size=STYLE), weights(), inputs()
    model.load_state_dict(
        {
            f"parts.{ours}.{name}": value
            for layer, ours in LAYERS.items()
            for name, value in reference.get_submodule(layer).named_parameters()
        }
    )
    found = model.objective(
        x.view(ROWS, 1, 28, 28), {"digit": digit} if kind == "labelled" else {}, alpha=ALPHA,
        estimators={"digit": "plug_in" if kind == "plug_in" else "enumerate"},
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    assert found.loss.item() == pytest.approx(by_hand(kind, seed=1), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_pyro(kind: Kind) -> None:
    """Pyro estimates the KL of the style from its sample: the same in expectation, within five standard errors."""
    pyro = pytest.importorskip("pyro")
    from benchmarks.systems import pyro as system

    model, reference, (x, digit) = system.M2(HIDDEN, STYLE), weights(), inputs()
    for name, layers in PERCEPTRONS.items():
        for place, layer in zip((0, 2), layers, strict=True):
            model.get_submodule(name)[place].load_state_dict(reference.get_submodule(layer).state_dict())  # type: ignore[index]
    pyro.clear_param_store()
    svi, given = system.svi_of(model, kind), (x, functional.one_hot(digit, VALUES).float())
    differences = []
    for seed in range(100):
        pyro.set_rng_seed(seed)
        loss = svi.evaluate_loss(*(given if kind == "labelled" else given[:1])) / ROWS
        differences.append(loss - by_hand(kind, seed))
    found = torch.tensor(differences, dtype=torch.float64)
    error = float(found.std()) / math.sqrt(len(found))
    assert error < 0.1  # nats: of a loss of some hundreds, so that the next line says something
    assert abs(float(found.mean())) < 5 * error


@pytest.mark.parametrize("kind", KINDS)
def test_numpyro(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    jax = pytest.importorskip("jax")
    pytest.importorskip("numpyro")
    from benchmarks.systems import numpyro as system

    model, reference, (x, digit) = system.M2(HIDDEN, STYLE), weights(), inputs()
    params = {
        f"{name}$params": [dense(reference.get_submodule(first)), (), dense(reference.get_submodule(second))]
        for name, (first, second) in PERCEPTRONS.items()
    }
    generator = torch.Generator().manual_seed(1)
    monkeypatch.setattr(jax.random, "normal", normal_of(generator))
    given: tuple[Any, ...] = (x.numpy(), digit.numpy()) if kind == "labelled" else (x.numpy(),)
    svi = system.svi_of(model, kind)
    loss = svi.loss.loss(jax.random.PRNGKey(0), params, svi.model, svi.guide, *given)
    assert float(loss) / ROWS == pytest.approx(by_hand(kind, seed=1), rel=1e-5)


def dense(layer: Any) -> tuple[Any, Any]:
    """Returns a linear layer's weights as stax has them."""
    return layer.weight.detach().numpy().T, layer.bias.detach().numpy()


def normal_of(generator: torch.Generator) -> Callable[..., Any]:
    """Returns a `jax.random.normal` that draws from torch's generator: once, in these models."""

    def normal(key: Any, shape: Any = (), dtype: Any = None) -> Any:
        return torch.randn(shape, generator=generator).numpy()

    return normal
