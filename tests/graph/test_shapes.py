"""Shapes are checked when the model is made; messages name the variable, the line and the shapes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

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


@pytest.mark.parametrize(
    "use",
    [
        lambda h: h.softmax(0),
        lambda h: functional.normalize(h, dim=0),
        lambda h: functional.batch_norm(h, None, None, training=True),
        lambda h: h.cumsum(0),
        lambda h: h.flip(0),
        lambda h: h.argsort(0).float(),
        lambda h: torch.einsum("ij,kj,kl->il", h, h, h),
    ],
)
def test_rows_are_not_mixed(use: Any) -> None:
    """Even where their number stays: else what is predicted of a row would depend on the rows asked with it."""
    message = r"Program.decode \(test_shapes.py, line \d+\): torch.\w+ mixes the rows"
    with pytest.raises(ModelError, match=message):
        decoding(lambda self, style: ub.Bernoulli(4)(logits=use(ub.dense(4)(style))))


@pytest.mark.parametrize(
    "use",
    [
        lambda h: h.softmax(1),
        lambda h: functional.normalize(h, dim=1).log(),
        lambda h: functional.layer_norm(h, (4,)),
        lambda h: h.cumsum(1).flip(1),
        lambda h: torch.linalg.inv(h[:, :, None] * h[:, None] + torch.eye(4)).flatten(1)[:, :4],
        lambda h: h @ (1e4 * torch.randn(4, 4)),
        lambda h: functional.one_hot(h.argmax(1), 4) * h,
        lambda h: h[:, :0].sum(1, keepdim=True) + h,
        lambda h: functional.dropout(h, 0.5, training=False),
        lambda h: (h * torch.inf).exp().nan_to_num(),
    ],
)
def test_functions_of_a_row_alone_are_fine(use: Any) -> None:
    model = decoding(lambda self, style: ub.Normal(4)(loc=use(ub.dense(4)(style)), scale=1.0))
    rows = torch.randn(7, 4)
    torch.testing.assert_close(model.predict(rows[2:4])["style"], model.predict(rows)["style"][2:4])


@pytest.mark.parametrize(
    "use",
    [
        lambda h: functional.dropout(h, 0.5),
        lambda h: functional.dropout(h, 0.001),
        lambda h: nn.Dropout(0.5)(h),
        lambda h: functional.alpha_dropout(h, 0.5, training=True),
        lambda h: functional.rrelu(h, training=True),
        lambda h: functional.gumbel_softmax(h, dim=1),
        lambda h: h + torch.rand_like(h),
        lambda h: torch.bernoulli(h.sigmoid()),
        lambda h: h.softmax(1).multinomial(4, replacement=True).float(),
    ],
)
def test_noise_is_not_drawn_by_functions(use: Any) -> None:
    message = r"Program.decode \(test_shapes.py, line \d+\): torch.\w+ draws random numbers.*Dropout is ub.dropout"
    with pytest.raises(ModelError, match=message):
        decoding(lambda self, style: ub.Bernoulli(4)(logits=use(ub.dense(4)(style))))


class Attention(nn.Module):
    """Attention of three vectors of a row to each other; of those of all rows where batch_first is forgotten."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.spread, self.gather = nn.Linear(4, 12), nn.Linear(12, 4)
        self.inner = nn.TransformerEncoderLayer(4, 1, 8, batch_first=batch_first)

    def forward(self, h: Tensor) -> Any:
        return self.gather(self.inner(self.spread(h).reshape(-1, 3, 4)).flatten(1))


class Noise(nn.Module):
    """Noise, also when the model is asked."""

    def forward(self, h: Tensor) -> Tensor:
        return h + torch.rand_like(h)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Attention(batch_first=False), r"attention mixes the rows.*batch_first=True"),
        (nn.BatchNorm1d(4, track_running_stats=False), r"batchnorm1d mixes the rows"),
        (nn.Sequential(nn.LazyLinear(4), nn.Softmax(0)), r"sequential mixes the rows"),
        (Noise(), r"noise draws random numbers.*self.training"),
    ],
)
def test_modules_keep_the_rows_apart_too(layer: nn.Module, message: str) -> None:
    with pytest.raises(ModelError, match=r"Program.decode \(test_shapes.py, line \d+\): " + message):
        decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.module(layer)(ub.dense(4)(style))))


@pytest.mark.parametrize("layer", [Attention(batch_first=True), nn.BatchNorm1d(4), nn.LazyBatchNorm1d(), nn.Dropout()])
def test_modules_of_a_row_alone_are_fine(layer: nn.Module) -> None:
    model = decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.module(layer)(ub.dense(4)(style))))
    assert torch.isfinite(model.objective(torch.ones(3, 4)).loss)


def test_the_check_of_rows_leaves_random_numbers_alone() -> None:
    def weights(use: Any) -> Any:
        model = decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.dense(4)(use(ub.dense(4)(style)))))
        return model.parts["decode_dense_1"].weight

    torch.manual_seed(0)
    state = torch.get_rng_state()
    assert torch.equal(weights(lambda h: h.softmax(1)), weights(lambda h: h))
    assert torch.equal(state, torch.get_rng_state())


def test_dropout_of_the_language_is_off_when_the_model_is_asked() -> None:
    model = decoding(lambda self, style: ub.Bernoulli(4)(logits=ub.dropout(0.5)(ub.dense(4)(style))))
    values = {"digit": 0, "style": torch.randn(5, 2)}
    assert torch.equal(model.generate(values), model.generate(values))
