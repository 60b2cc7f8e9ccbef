"""Networks may multiply in bf16; what is summed and scored is in single precision."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from tests.training.small import ROWS, STATEFUL, Small, same_end, train
from unbraid.training import precision
from unbraid.training.precision import multiplies_bf16, networks_in
from unbraid.training.settings import Precision

CPU = torch.device("cpu")


@pytest.mark.parametrize("able", [True, False])
def test_auto_follows_the_processor(able: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: able)
    assert multiplies_bf16(CPU) == able
    assert not multiplies_bf16(torch.device("meta"))
    with networks_in("auto", CPU):
        assert torch.is_autocast_enabled("cpu") == able


def test_a_torch_that_does_not_know_its_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not multiplies_bf16(CPU)


def test_precision_is_what_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda device: True)
    assert isinstance(networks_in("fp32", CPU), nullcontext)
    with networks_in("bf16", CPU):
        assert torch.get_autocast_dtype("cpu") == torch.bfloat16


def test_densities_are_scored_in_single_precision() -> None:
    model, x = Small(drop=0.0), ROWS.images
    labels = {"digit": torch.as_tensor(ROWS.labels["digit"])}

    def terms(kind: Precision) -> dict[str, torch.Tensor]:
        with networks_in(kind, CPU):
            found = model.objective(x, labels, generator=torch.Generator().manual_seed(0))
        assert found.loss.dtype == torch.float32
        return {name: each.values for name, each in found.terms.items()}

    half, single = terms("bf16"), terms("fp32")
    for name, values in half.items():
        assert values.dtype == torch.float32
        assert torch.allclose(values, single[name], rtol=0.02, atol=0.05)
    assert not torch.equal(half["log p(x)"], single["log p(x)"])


def test_training_in_bf16_is_close_and_repeatable() -> None:
    single, half = train(**STATEFUL, epochs=3), train(**STATEFUL, epochs=3, precision="bf16")
    assert {each.dtype for each in half.model.parameters()} == {torch.float32}
    assert half.history[-1]["loss"] == pytest.approx(single.history[-1]["loss"], rel=0.02)
    assert same_end(half, train(**STATEFUL, epochs=3, precision="bf16"))
    assert not same_end(half, single)


def test_the_model_itself_may_teach_in_bf16() -> None:
    """Without an average the teacher is the student: asking it without gradients must not cost the student his."""
    settings = {**STATEFUL, "average": 0.0, "consistency": 100.0, "ramp": 0.0}
    single, half = train(**settings, epochs=4), train(**settings, epochs=4, precision="bf16")
    one, two = (run.history[-1]["terms"]["log q(digit | view)"] for run in (single, half))
    assert two == pytest.approx(one, rel=0.05)
