"""Exported programs answer as the model does, without unbraid."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests.models import REGISTRY, Digits, rows_of
from tests.repeat.models import Events, Tree
from unbraid.errors import ModelError, OptionError, RunError
from unbraid.exporting import Answer

pytestmark = pytest.mark.usefixtures("sizes_may_be_symbols")
MODELS: dict[str, type[ub.Model]] = {**REGISTRY, "Events": Events, "Tree": Tree}


class Counting(ub.Model):
    """A module of a user's that asks how many rows there are."""

    def encode(self, x: Any) -> Any:
        return {"style": ub.Normal(2)(ub.module(Centred())(x))}

    def decode(self, style: Any) -> Any:
        return ub.Normal(4)(style)


class Centred(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.zeros(len(x), 4)


def same(one: Any, other: Any) -> None:
    """Compares two answers: nothing more, nothing less."""
    if isinstance(other, dict):
        assert one.keys() == other.keys()
        for name, each in other.items():
            same(one[name], each)
    else:
        torch.testing.assert_close(one, other, equal_nan=True)


@pytest.mark.parametrize("answer", ["predict", "infer", "generate", "reconstruct"])
@pytest.mark.parametrize("name", MODELS)
def test_an_exported_program_answers_as_the_model_does(name: str, answer: Answer) -> None:
    model = MODELS[name](seed=4)
    program: Any = model.export(answer=answer).module()
    for rows in (1, 6):
        x = rows_of(model, rows, seed=rows)
        if answer == "infer":
            found, q = program(x), model.infer(x)
            assert found.keys() == q.keys()
            for latent, parameters in found.items():
                made = model.latents[latent].distribution(**parameters)
                assert made.batch_shape == q[latent].batch_shape
                torch.manual_seed(0)
                drawn = q[latent].sample()
                torch.testing.assert_close(made.log_prob(drawn), q[latent].log_prob(drawn))
        elif answer == "generate":
            values = model.predict(x)
            same(program(values), model.generate(values))
        else:
            same(program(x), getattr(model, answer)(x))


def test_a_file_needs_torch_alone(tmp_path: Path) -> None:
    model = Digits(seed=1)
    path, x = tmp_path / "digits.pt2", rows_of(model, 5)
    model.export(path)
    torch.save(x, tmp_path / "x.pt")
    program = (
        "import sys; sys.modules['unbraid'] = None\n"  # an import of it would fail
        "import torch\n"
        f"program = torch.export.load({str(path)!r}).module()\n"
        f"print(program(torch.load({str(tmp_path / 'x.pt')!r}))['digit'].tolist())\n"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip() == str(model.predict(x)["digit"].tolist())


def test_weights_in_any_layout_are_written(tmp_path: Path) -> None:
    model = REGISTRY["Convolutions"](seed=1)
    program: Any = model.export(tmp_path / "convolutions.pt2", "reconstruct").module()
    read: Any = torch.export.load(tmp_path / "convolutions.pt2").module()
    x = rows_of(model, 4)
    same(program(x), model.reconstruct(x))
    same(read(x), model.reconstruct(x))


def test_the_program_has_weights_of_its_own_and_the_model_stays_as_it_was() -> None:
    model = Digits(seed=1).train()
    x = rows_of(model, 3)
    program: Any = model.export(answer="reconstruct").module()
    assert model.training
    before = model.reconstruct(x)
    with torch.no_grad():
        for each in model.parameters():
            each.add_(1)
    assert not torch.allclose(model.reconstruct(x), before)
    torch.testing.assert_close(program(x), before)


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Counting cannot be exported: .*write x\.shape\[0\], not len\(x\)"):
        Counting(seed=0).export(tmp_path / "counting.pt2")
    assert not list(tmp_path.iterdir())
    with pytest.raises(OptionError, match=r"there is no 'predictt' to export\. Did you mean 'predict'"):
        Digits(seed=0).export(answer=cast("Any", "predictt"))
    with pytest.raises(RunError, match="could not be written"):
        Digits(seed=0).export(tmp_path / "none" / "digits.pt2")
