"""What a program may say, and what is refused when the model is made: each error beside its valid twin."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import unbraid as ub
from unbraid.errors import ModelError, OptionError
from unbraid.graph.symbol import Data, Symbol
from unbraid.graph.trace import RESERVED


def made(encode: Any = None, decode: Any = None, prior: Any = None) -> ub.Model:
    """Makes a model of methods, the usual ones where none is given."""
    methods = {"encode": encode or plain_encode, "decode": decode or plain_decode}
    program: type[ub.Model] = type("Program", (ub.Model,), {**methods, "prior": prior} if prior else methods)
    return program()


def plain_encode(self: Any, x: Any) -> Any:
    digit = ub.Categorical(3)(x)
    return {"digit": digit, "style": ub.Normal(2)(digit, x)}


def plain_decode(self: Any, digit: Any, style: Any) -> Any:
    return ub.Bernoulli(4)(digit, style)


def test_the_plain_program_is_a_model() -> None:
    assert str(made()) == "q(digit | x) q(style | x, digit)\np(digit) p(style) p(x | digit, style)"


def test_both_methods_are_needed() -> None:
    class NoDecode(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"style": ub.Normal(2)(x)}

    with pytest.raises(ModelError, match=r"NoDecode has no method 'decode'"):
        NoDecode()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (
            lambda x: {"style": ub.dense(2)(x)},
            r"'style' is the result of .*test_trace.py, line \d+.*not a random variable",
        ),
        (lambda x: {"style": 3}, r"'style' is a int, not a random variable"),
        (lambda x: ub.Normal(2)(x), r"must return a dict of latents by name, got Symbol"),
        (lambda x: {}, r"must return a dict of latents"),
        (lambda x: {"x": ub.Normal(2)(x)}, r"cannot be called 'x'"),
        (lambda x: {"seed": ub.Normal(2)(x)}, r"cannot be called 'seed'"),
        (lambda x: {"n": ub.Normal(2)(x)}, r"cannot be called 'n'"),
        (lambda x: {"my style": ub.Normal(2)(x)}, r"must be a Python identifier, got 'my style'"),
        (lambda x: {3: ub.Normal(2)(x)}, r"must be a Python identifier, got 3"),
        (
            lambda x: {"style": ub.Mixture(ub.Normal(2), 3)(x)},
            r"'style' is Mixture\(Normal\(2\), 3\), which is for prior and decode only: no gradient.*as ub.Normal",
        ),
    ],
)
def test_encode_returns_named_random_variables(returned: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        made(lambda self, x: returned(x), lambda self, style: ub.Bernoulli(4)(style))


def test_names_of_arguments_are_no_names_of_latents() -> None:
    """Latents go by keyword beside them, as in sample(n=3, digit=1)."""
    taken = {"seed"}
    for method in vars(ub.Model).values():
        parameters = inspect.signature(method).parameters if inspect.isfunction(method) else {}
        open_ended = [name for name, each in parameters.items() if each.kind is each.VAR_KEYWORD]
        if open_ended and open_ended[0] not in ("fields", "options"):
            taken |= {*parameters} - {*open_ended}
    assert set(RESERVED) == taken >= {"x", "n", "generator", "self"}


@pytest.mark.parametrize("encode", [lambda self: {}, lambda self, x, h: {}, lambda self, *, x: {}])
def test_encode_takes_the_data(encode: Any) -> None:
    with pytest.raises(ModelError, match=r"Program.encode is given the data and nothing else: write encode\(self, x\)"):
        made(encode)
    assert made(lambda self, x, size=2: {"style": ub.Normal(size)(x)}, lambda self, style: ub.Bernoulli(4)(style)).parts


def test_a_latent_may_be_computed_from_another() -> None:
    model = made(lambda self, x: {"style": ub.Normal(2)(x)}, lambda self, style: ub.Bernoulli(4)(2 * style))
    assert list(model.latents) == ["style"]


def test_a_name_written_twice_is_refused() -> None:
    def encode(self: Any, x: Any) -> Any:
        digit = ub.Categorical(3)(x)
        return {
            "digit": digit,
            "style": ub.Normal(2)(x),
            "digit": ub.Categorical(3)(x, digit),  # noqa: F601
        }

    line = encode.__code__.co_firstlineno + 2
    with pytest.raises(ModelError, match=rf"encode uses the name 'digit' twice in the dict of line {line}"):
        made(encode)


def test_a_variable_has_one_name() -> None:
    def encode(self: Any, x: Any) -> Any:
        style = ub.Normal(2)(x)
        return {"digit": ub.Categorical(3)(x), "style": style, "other": style}

    with pytest.raises(ModelError, match=r"'style' and 'other' are the same variable"):
        made(encode)


def test_a_variable_is_not_forgotten_in_encode() -> None:
    def encode(self: Any, x: Any) -> Any:
        hidden = ub.Normal(2)(x)
        return {"digit": ub.Categorical(3)(hidden), "style": ub.Normal(2)(x)}

    with pytest.raises(ModelError, match=r"encode: the Normal\(2\) of test_trace.py, line \d+ has no name"):
        made(encode)

    def unused(self: Any, x: Any) -> Any:
        ub.Normal(5)(x)
        return plain_encode(self, x)

    with pytest.raises(ModelError, match=r"encode: the Normal\(5\) of .* has no name"):
        made(unused)


def test_a_variable_is_not_forgotten_in_prior_or_decode() -> None:
    def prior(self: Any, digit: Any) -> Any:
        ub.Normal(2)(digit)
        return {}

    with pytest.raises(ModelError, match=r"prior: the Normal\(2\) of .* has no name"):
        made(prior=prior)

    def decode(self: Any, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(4)(ub.Normal(2)(digit, style))

    with pytest.raises(ModelError, match=r"the Normal\(2\) of .* has no name"):
        made(decode=decode)
    assert str(made(prior=lambda self, digit: {"style": ub.Normal(2)(digit)})).count("p(style | digit)") == 1


def test_a_variable_without_parents_is_used_by_name() -> None:
    def encode(self: Any, x: Any) -> Any:
        return {"digit": ub.Categorical(3)(x), "style": ub.Normal(2)(ub.Normal(3)(), x)}

    with pytest.raises(ModelError, match=r"the Normal\(3\) of .* (is used but )?has no name"):
        made(encode)


def test_a_latent_may_have_no_parents() -> None:
    """Its q is its own prior; rows still have draws of their own."""
    model = made(lambda self, x: {"digit": ub.Categorical(3)(x), "style": ub.Normal(2)()})
    assert str(model).startswith("q(digit | x) q(style)")
    x = torch.ones(3, 4)
    assert model.predict(x)["style"].shape == (3, 2)
    assert model.infer(x)["style"].batch_shape == (3,)
    values = model.objective(x, estimators={"digit": "plug_in"}).terms["log p(x)"].values
    assert values.unique().numel() == 3
    assert model.log_weights(x, 2).unique().numel() == 6


def test_decode_takes_latents() -> None:
    with pytest.raises(
        ModelError, match=r"decode takes 'digitt', which is no latent of encode. Did you mean 'digit'\?"
    ):
        made(decode=lambda self, digitt, style: ub.Bernoulli(4)(digitt, style))
    with pytest.raises(ModelError, match=r"'\*latents' cannot be matched"):
        made(decode=lambda self, *latents: ub.Bernoulli(4)(*latents))
    assert made(decode=lambda self, style, size=2: ub.Bernoulli(4)(style[:, :size])).parts


def test_decode_returns_the_likelihood_of_x() -> None:
    with pytest.raises(ModelError, match=r"decode returns no likelihood of x"):
        made(decode=lambda self, digit: {"style": ub.Normal(2)(digit)})
    with pytest.raises(ModelError, match=r"decode: 'x' is the result of torch.mul"):
        made(decode=lambda self, digit, style: 2 * style)
    with pytest.raises(ModelError, match=r"decode must return random variables by name, got NoneType"):
        made(decode=lambda self, digit, style: None)
    with pytest.raises(ModelError, match=r"decode returns the latent 'style' of encode itself"):
        made(decode=lambda self, digit, style: {"x": ub.Bernoulli(4)(style), "style": style})
    scoring = made(decode=lambda self, digit, style: {"x": ub.Bernoulli(4)(style), "style": ub.Normal(2)(digit)})
    assert "p(style | digit)" in str(scoring)


def test_decode_may_use_the_variable_that_it_scores() -> None:
    def decode(self: Any, digit: Any) -> Any:
        style = ub.Normal(2)(digit)
        return {"style": style, "x": ub.Bernoulli(4)(style, digit)}

    model = made(decode=decode)
    assert str(model).endswith("p(digit) p(style | digit) p(x | digit, style)")
    assert torch.isfinite(model.objective(torch.ones(3, 4)).loss)
    assert model.sample(2).shape == (2, 4)


def test_factors_of_p_are_latents_of_encode() -> None:
    with pytest.raises(
        ModelError, match=r"prior returns a factor for 'stile', which is no latent of encode. Did you mean 'style'"
    ):
        made(prior=lambda self, digit: {"stile": ub.Normal(2)(digit)})
    with pytest.raises(ModelError, match=r"prior returns a factor for 'x'"):
        made(prior=lambda self, digit: {"x": ub.Bernoulli(4)(digit)})
    with pytest.raises(ModelError, match=r"p\(style\) is given by prior and by decode"):
        made(
            decode=lambda self, digit, style: {"x": ub.Bernoulli(4)(style), "style": ub.Normal(2)(digit)},
            prior=lambda self, digit: {"style": ub.Normal(2)(digit)},
        )


@pytest.mark.parametrize("family", [ub.Normal(3), ub.Categorical(2)], ids=str)
def test_factors_of_p_take_the_values_of_q(family: ub.Family) -> None:
    with pytest.raises(ModelError, match=r"'style' is (Normal\(3\)|Categorical\(2\)) here and Normal\(2\) in encode"):
        made(prior=lambda self, digit: {"style": family(digit)})


@pytest.mark.parametrize(
    "family", [ub.LogNormal(2), ub.Beta(2), ub.Direction(2), ub.Bernoulli(2), ub.Mixture(ub.Gamma(2), 2)], ids=str
)
def test_factors_of_p_have_the_support_of_q(family: ub.Family) -> None:
    with pytest.raises(
        ModelError, match=r"'style' is .* here and Normal\(2\) in encode; both must take the same values"
    ):
        made(prior=lambda self: {"style": family()})
    for wider in (
        ub.Normal(2),
        ub.Mixture(ub.Normal(2), 3),
        ub.from_torch(torch.distributions.Laplace, 2, loc=0.0, scale=1.0),
    ):
        assert made(prior=lambda self, wider=wider: {"style": wider()}).parts


def test_p_does_not_go_in_a_circle() -> None:
    with pytest.raises(
        ModelError, match=r"the factors of p go in a circle: (digit -> style -> digit|style -> digit -> style)"
    ):
        made(prior=lambda self, digit, style: {"digit": ub.Categorical(3)(style), "style": ub.Normal(2)(digit)})
    with pytest.raises(ModelError, match=r"in a circle: .*x"):
        made(decode=lambda self, x, style: ub.Bernoulli(4)(style, x))
    with pytest.raises(ModelError, match=r"in a circle: .*x"):
        made(decode=lambda self, x, style: {"x": ub.Bernoulli(4)(style), "style": ub.Normal(2)(x)})
    other = made(decode=lambda self, x, digit, style: {"x": ub.Bernoulli(4)(digit), "style": ub.Normal(2)(x, digit)})
    assert "p(style | x, digit) p(x | digit)" in str(other)
    assert other.sample(2).shape == (2, 4)  # style, which x does not depend on, is not drawn


def test_p_may_turn_the_edges_of_q_round() -> None:
    model = made(prior=lambda self, style: {"digit": ub.Categorical(3)(style)})
    assert str(model) == "q(digit | x) q(style | x, digit)\np(digit | style) p(style) p(x | digit, style)"
    assert model.graph.generative_order() == ("style", "digit")


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda h: h if h.sum() > 0 else 2 * h, r"line \d+: 'if' needs the value of a symbol"),
        (lambda h: h if h == 0 else 2 * h, r"'if' needs the value of a symbol"),
        (lambda h: [part for part in h][0], r"unpacking or 'for' needs the value"),  # noqa: C416, RUF015
        (lambda h: h * len(h), r"len\(\) needs the value"),
        (lambda h: h * float(h[0, 0]), r"float\(\) needs the value"),
        (lambda h: h * int(h[0, 0]), r"int\(\) needs the value"),
        (lambda h: h.reshape(h.shape[0], -1), r"'.shape' of a symbol is not known.*Layers of unbraid size themselves"),
        (lambda h: h.view(h.size(0), -1), r"'.size' of a symbol is not known"),
        (lambda h: h.to(h.dtype), r"'.dtype' of a symbol is not known"),
    ],
)
def test_symbols_have_no_values(use: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        made(decode=lambda self, style: ub.Bernoulli(4)(use(ub.dense(4)(style))))


def test_unpacking_a_symbol_is_refused() -> None:
    def encode(self: Any, x: Any) -> Any:
        left, right = ub.dense(4)(x)
        return {"digit": ub.Categorical(3)(left), "style": ub.Normal(2)(right)}

    with pytest.raises(ModelError, match=r"unpacking or 'for'"):
        made(encode)


@pytest.mark.parametrize(
    ("use", "plain"),
    [
        (lambda h: 1 - h / 2 + 2 ** (h * 0.1) - abs(-h), lambda h: 1 - h / 2 + 2 ** (h * 0.1) - abs(-h)),
        (lambda h: torch.where(h > 0, h, h.exp()), lambda h: torch.where(h > 0, h, h.exp())),
        (lambda h: h.where(h != 0, torch.ones(1)), lambda h: h.where(h != 0, torch.ones(1))),
        (lambda h: torch.stack([h, h], 1).sum(1), lambda h: 2 * h),
        (lambda h: torch.cat([h[:, :2], h[:, 2:]], dim=1), lambda h: h),
        (lambda h: torch.nn.functional.gelu(h), lambda h: torch.nn.functional.gelu(h)),
        (
            lambda h: (h[:, None] @ h[:, :, None]).flatten(1).expand(-1, 4),
            lambda h: h.square().sum(1, True).expand(-1, 4),
        ),
        (lambda h: h @ torch.eye(4), lambda h: h),
        (lambda h: (h == h) * 1.0, lambda h: torch.ones_like(h)),
        (lambda h: torch.ones(4) - h, lambda h: 1 - h),
    ],
)
def test_torch_functions_work_on_symbols(use: Any, plain: Any) -> None:
    model = made(decode=lambda self, style: ub.Normal(4)(loc=use(ub.dense(4)(style)), scale=1.0))
    style = torch.randn(5, 2)
    with torch.no_grad():
        h = model.parts["decode_dense_0"](style)
    torch.testing.assert_close(model.generate({"digit": 0, "style": style}), plain(h))
    assert torch.isfinite(model.objective(torch.zeros(3, 4), samples=2).loss)  # along axes too


@pytest.mark.parametrize(
    "use", [lambda h: h.relu_(), lambda h: torch.relu_(h), lambda h: torch.nn.functional.relu(h, inplace=True)]
)
def test_symbols_do_not_change_in_place(use: Any) -> None:
    with pytest.raises(ModelError, match=r"changes its input in place"):
        made(decode=lambda self, style: ub.Bernoulli(4)(use(style)))
    relu: Any = torch.nn.functional.relu
    assert made(decode=lambda self, style: ub.Bernoulli(4)(relu(style))).parts


def test_symbols_are_not_assigned_to() -> None:
    def decode(self: Any, style: Any) -> Any:
        style[:, 0] = 0
        return ub.Bernoulli(4)(style)

    with pytest.raises(ModelError, match=r"test_trace.py, line \d+: nothing can be assigned to .*torch.where"):
        made(decode=decode)


def test_a_symbol_has_the_methods_of_a_tensor() -> None:
    symbol = Symbol(Data())
    with pytest.raises(AttributeError, match="a tensor has no method 'sigmiod'"):
        symbol.sigmiod()
    assert isinstance(symbol.sigmoid(), Symbol)
    assert repr(symbol.sigmoid()).startswith("<symbol of torch.sigmoid, test_trace.py, line ")
    assert symbol in {symbol}


def test_a_layer_is_part_of_the_model() -> None:
    with pytest.raises(
        ModelError, match=r"decode \(test_trace.py, line \d+\): torch.linear is given a parameter that is no part"
    ):
        made(decode=lambda self, style: ub.Bernoulli(4)(logits=nn.Linear(2, 4)(style)))
    model = made(decode=lambda self, style: ub.Bernoulli(4)(logits=ub.module(nn.Linear(2, 4))(style)))
    assert sum(parameter.numel() for parameter in model.parts["decode_linear_0"].parameters()) == 12

    def decode(self: Any, style: Any) -> Any:
        self.weight = nn.Parameter(torch.ones(2, 4))
        return ub.Bernoulli(4)(logits=style @ self.weight)

    assert "weight" in dict(made(decode=decode).named_parameters())


@pytest.mark.parametrize(
    ("parent", "found"),
    [
        (lambda z: z.relu, "function"),
        (lambda z: ub.dense(3), "Dense"),
        (lambda z: torch.ones(3), "Tensor"),
        (lambda z: 2.0, "float"),
        (lambda z: None, "NoneType"),
        (lambda z: [z, 2.0], "list"),
        (lambda z: [], "list"),
    ],
    ids=["no call", "layer", "tensor", "number", "nothing", "list", "empty"],
)
@pytest.mark.parametrize("layer", [ub.mlp(4), ub.dense(4), ub.deconv(4, to=(1, 4, 4))], ids=["mlp", "dense", "deconv"])
def test_a_layer_takes_symbols(layer: Any, parent: Any, found: str) -> None:
    """What is none would take no part in the program, and nothing would say so."""
    with pytest.raises(ModelError, match=rf"test_trace\.py, line \d+: a parent of a layer is {found}, not a symbol"):
        made(decode=lambda self, digit, style: ub.Bernoulli(4)(layer(style, parent(digit))))
    listed: Any = ub.dense(4)
    assert made(decode=lambda self, digit, style: ub.Bernoulli(4)(listed([digit, style], style)))


def test_a_convolution_takes_symbols() -> None:
    layer: Any = ub.conv(4)
    with pytest.raises(ModelError, match="a parent of a convolution is ndarray, not a symbol"):
        made(encode=lambda self, x: {"style": ub.Normal(2)(layer(np.zeros((1, 8, 8))))})


@pytest.mark.parametrize("dtype", ["float64", "float32", "int64"])
def test_arrays_are_constants_of_the_program(dtype: str) -> None:
    weights = np.array([1, 2, 3, 4], dtype)

    def model(scale: Any) -> ub.Model:
        def encode(self: Any, x: Any) -> Any:
            return {"digit": ub.Categorical(3)(scale * x), "style": ub.Normal(2)(x * scale + scale)}

        return made(encode=encode)

    ours, torchs = (model(scale) for scale in (weights, torch.tensor([1.0, 2.0, 3.0, 4.0])))
    x = torch.rand(5, 4)
    for each in (ours, torchs):
        each.objective(x, generator=torch.Generator().manual_seed(0)).loss.backward()
    for one, other in zip(ours.parameters(), torchs.parameters(), strict=True):
        assert one.grad is not None
        torch.testing.assert_close(one.grad, other.grad)


def test_every_operator_of_a_tensor_is_one_of_a_symbol() -> None:
    def encode(self: Any, x: Any) -> Any:
        inside = ((x > 0.2) & (x < 0.8)) | ~(x < 0.9) ^ (x > 2)
        return {"digit": ub.Categorical(3)(x), "style": ub.Normal(4)(loc=inside * (x % 0.3 + x // 0.4), scale=1.0)}

    x = torch.rand(50, 4, generator=torch.Generator().manual_seed(0))
    found = made(encode=encode).infer(x)["style"].mean
    inside = ((x > 0.2) & (x < 0.8)) | ~(x < 0.9) ^ (x > 2)
    torch.testing.assert_close(found, inside * (x % 0.3 + x // 0.4))


def test_a_field_is_not_called_like_what_models_carry() -> None:
    with pytest.raises(OptionError, match="captures"):
        type(
            "Program",
            (ub.Model,),
            {"encode": plain_encode, "decode": plain_decode, "captures": 3, "__annotations__": {"captures": int}},
        )()
