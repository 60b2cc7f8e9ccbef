"""Shapes are checked when the model is made; messages name the variable, the line and the shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import unbraid as ub
from unbraid.errors import ModelError


def decoding(decode: Any) -> ub.Model:
    def encode(self: Any, x: Any) -> Any:
        return {"digit": ub.Categorical(3)(x), "style": ub.Normal(2)(x)}

    program: type[ub.Model] = type("Program", (ub.Model,), {"encode": encode, "decode": decode})
    return program()


@pytest.mark.parametrize(
    "use",
    [
        lambda h: h.sum(0),
        lambda h: h.mean(0, keepdim=True),
        lambda h: h.sum(),
        lambda h: h.reshape(-1, 2),
        lambda h: h.flatten(),
        lambda h: h.t(),
        lambda h: h[0],
        lambda h: h[:1],
    ],
)
def test_rows_are_kept(use: Any) -> None:
    message = r"Program.decode \(test_shapes.py, line \d+\): torch.\w+ does not keep the rows: it maps 13 rows"
    with pytest.raises(ModelError, match=message):
        decoding(lambda self, style: ub.Bernoulli(4)(logits=use(ub.dense(4)(style))))


def test_functions_of_each_row_are_fine() -> None:
    model = decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.dense(4)(style).reshape(-1, 2, 2).flatten(1)))
    assert model.data_shape == (4,)


def test_what_does_not_fit_names_its_inputs() -> None:
    message = (
        r"decode \(test_shapes.py, line \d+\): torch.add does not accept what it is given "
        r"\(style: \(rows, 2\), digit: \(rows, 3\)\)"
    )
    with pytest.raises(ModelError, match=message):
        decoding(lambda self, style, digit: ub.Bernoulli(4)(style + digit))
    assert decoding(lambda self, style, digit: ub.Bernoulli(4)(style + digit[:, :2])).data_shape == (4,)


def test_a_layer_that_is_given_the_wrong_size() -> None:
    with pytest.raises(
        ModelError, match=r"linear does not accept what it is given \(style: \(rows, 2\)\). RuntimeError"
    ):
        decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.module(nn.Linear(3, 4))(style)))


def test_parameters_have_the_shape_of_the_variable() -> None:
    message = (
        r"decode \(test_shapes.py, line \d+\): the logits of Bernoulli\(1, 4\) \(p\(x\)\) must have event shape "
        r"\(1, 4\), got \(4,\)"
    )
    with pytest.raises(ModelError, match=message):
        decoding(lambda self, style: ub.Bernoulli(1, 4)(logits=ub.dense(4)(style)))
    shaped = decoding(lambda self, style: ub.Bernoulli(1, 4)(logits=ub.dense(4)(style).reshape(-1, 1, 4)))
    assert shaped.data_shape == (1, 4)


def test_a_symbol_is_one_tensor() -> None:
    with pytest.raises(ModelError, match=r"torch.chunk returns tuple, and a symbol is one tensor"):
        decoding(lambda self, style: ub.Bernoulli(4)(style.chunk(2, 1)[0]))
    with pytest.raises(ModelError, match=r"gru returns tuple, and a symbol is one tensor"):
        decoding(lambda self, style: ub.Bernoulli(4)(ub.module(nn.GRU(2, 3))(style)))


def test_the_model_is_left_in_training_mode() -> None:
    frozen = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4).eval())
    model = decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.module(frozen)(style)))
    assert model.training
    part = model.parts["decode_sequential_0"]
    assert [module.training for module in part.modules()] == [True, True, False]
    assert torch.isfinite(model.objective(torch.ones(3, 4)).loss)
