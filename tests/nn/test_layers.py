"""Layers that take their sizes from what they are given."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

import unbraid as ub
from unbraid.errors import ModelError
from unbraid.nn.dense import Linear


def decoding(make: Any, *shape: int, latent: int = 3) -> ub.Model:
    """Makes a model whose likelihood has the symbol that `make` returns as its mean."""

    def encode(self: Any, x: Any) -> Any:
        return {"digit": ub.Categorical(4)(x), "style": ub.Normal(latent)(x)}

    def decode(self: Any, digit: Any, style: Any) -> Any:
        return ub.Normal(*shape)(loc=make(digit, style), scale=1.0)

    program: type[ub.Model] = type("Program", (ub.Model,), {"encode": encode, "decode": decode})
    return program()


def linear(model: ub.Model, name: str) -> Linear:
    found = model.parts[name]
    assert isinstance(found, Linear)
    return found


def test_an_mlp_is_the_network_of_the_concatenated_parents() -> None:
    model = decoding(lambda digit, style: ub.dense(2)(ub.mlp(5, 6)(digit, style)), 2)
    first, second, last = (linear(model, f"decode_dense_{i}") for i in range(3))
    assert [tuple(part.weight.shape) for part in (first, second, last)] == [(5, 7), (6, 5), (2, 6)]
    digit, style = torch.tensor([1, 3]), torch.randn(2, 3)
    both = torch.cat([nn.functional.one_hot(digit, 4).float(), style], 1)
    with torch.no_grad():
        expected = last(torch.relu(second(torch.relu(both @ first.weight.T + first.bias))))
    torch.testing.assert_close(model.generate({"digit": digit, "style": style}), expected)


@pytest.mark.parametrize(
    "batches",
    [
        [(5,), (5,), (5,)],
        [(1,), (5,), (5,)],
        [(2, 1), (5,), (2, 5)],
        [(2, 1, 1), (3, 5), (5,)],
        [(3, 1), (2, 1, 1), (2, 1, 1)],
    ],
    ids=["alike", "one_row", "an_axis", "two_axes", "no_largest"],
)
def test_a_linear_layer_of_parents_that_vary_differently(batches: list[tuple[int, ...]]) -> None:
    """Values and gradients are those of the layer of the parents repeated and concatenated."""
    layer = Linear(2 + 3 + 4, 6, dtype=torch.float64)
    parents = [torch.randn(*batch, size, dtype=torch.float64) for batch, size in zip(batches, (2, 3, 4), strict=True)]
    inputs = [parent.requires_grad_() for parent in parents]
    found = layer(*inputs)
    whole = torch.cat([each.expand(*found.shape[:-1], -1) for each in inputs], -1)
    expected = nn.functional.linear(whole, layer.weight, layer.bias)
    torch.testing.assert_close(found, expected)
    noise = torch.randn_like(found)
    asked = (*inputs, layer.weight, layer.bias)
    both = (torch.autograd.grad((value * noise).sum(), asked) for value in (found, expected))
    for left, right in zip(*both, strict=True):
        torch.testing.assert_close(left, right)


@pytest.mark.parametrize("name", ["elu", "gelu", "leaky_relu", "relu", "silu", "softplus", "tanh"])
def test_activations_go_by_name(name: str) -> None:
    model = decoding(lambda digit, style: ub.mlp(2, activation=name)(style), 2)
    style = torch.randn(4, 3)
    with torch.no_grad():
        expected = getattr(nn.functional, name)(model.parts["decode_dense_0"](style))
    torch.testing.assert_close(model.generate({"digit": 0, "style": style}), expected)


@pytest.mark.parametrize("shape", [(6,), (2, 3), (1, 2, 3)])
def test_events_of_any_shape_are_flattened(shape: tuple[int, ...]) -> None:
    model = decoding(lambda digit, style: ub.dense(math.prod(shape))(style).reshape(-1, *shape), *shape)
    part = linear(model, "encode_dense_0")
    assert part.weight.shape == (4, 6)
    assert model.predict(torch.zeros(2, *shape))["style"].shape == (2, 3)


@pytest.mark.parametrize("layer", [lambda: ub.dense(3), lambda: ub.mlp(3), lambda: ub.module(nn.Linear(3, 3))])
def test_layers_called_again_share_their_weights(layer: Any) -> None:
    def twice(digit: Any, style: Any) -> Any:
        shared = layer()
        return shared(shared(style))

    model = decoding(twice, 3)
    decoder = [part for name, part in model.parts.items() if name.startswith("decode") and list(part.parameters())]
    assert len(decoder) == 1


def test_convolutions_called_again_share_their_weights() -> None:
    def encode(self: Any, x: Any) -> Any:
        features = ub.conv(2, 3)
        return {"style": ub.Normal(2)(features(x), features(x.flip(3)))}

    cls = type("Program", (ub.Model,), {"encode": encode, "decode": lambda self, style: ub.Bernoulli(1, 6, 6)(style)})
    assert [name for name in cls().parts if name.startswith("encode_conv")] == ["encode_conv_0", "encode_conv_1"]


def test_a_layer_has_as_many_parents_as_at_first() -> None:
    def uneven(digit: Any, style: Any) -> Any:
        shared = ub.dense(3)
        return shared(style, shared(digit))

    with pytest.raises(
        ModelError, match=r"test_layers.py, line \d+: this layer was made for 1 parents and is called with 2"
    ):
        decoding(uneven, 3)
    with pytest.raises(ModelError, match=r"a layer needs at least one parent"):
        decoding(lambda digit, style: ub.dense(3)(), 3)


@pytest.mark.parametrize("side", [2, 3, 5, 7, 16, 17, 23, 28, 32])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_convolutions_of_many_sizes(side: int, kernel: int) -> None:
    def encode(self: Any, x: Any) -> Any:
        return {"style": ub.Normal(2)(ub.conv(2, kernel=kernel)(x))}

    cls = type(
        "Program", (ub.Model,), {"encode": encode, "decode": lambda self, style: ub.Bernoulli(1, side, side + 1)(style)}
    )
    model = cls()
    assert model.predict(torch.zeros(2, 1, side, side + 1))["style"].shape == (2, 2)


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 3), (4, 4), (5, 8), (17, 23), (17, 28), (28, 28), (31, 32), (32, 32), (64, 48)]
)
@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_deconvolutions_end_in_the_image_asked_for(size: tuple[int, int], kernel: int, layers: int) -> None:
    to = (2, *size)
    describe = ub.deconv(*(3,) * layers, to=to, kernel=kernel)
    image = torch.zeros(1, *describe.start.shape)
    for layer in describe.layers:
        image = layer(image)
    assert image.shape == (1, *to)


def test_deconvolutions_are_part_of_a_model() -> None:
    model = decoding(lambda digit, style: ub.deconv(4, 3, to=(1, 17, 23))(digit, style), 1, 17, 23)
    assert model.generate({"digit": 1, "style": torch.zeros(2, 3)}).shape == (2, 1, 17, 23)
    assert [name for name in model.parts if "deconv" in name] == ["decode_deconv_0", "decode_deconv_1"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ub.mlp(), r"test_layers.py, line \d+: .*positive whole number"),
        (lambda: ub.mlp(3, 0), r"a layer's size must be a positive whole number, got 0"),
        (lambda: ub.dense(-2), r"a layer's size must be a positive whole number, got -2"),
        (lambda: ub.conv(), r"conv needs the channels of its layers"),
        (lambda: ub.conv(3, 0), r"the sizes of conv must be positive whole numbers, got \(3, 0, "),
        (lambda: ub.conv(3, stride=0), r"the sizes of conv must be positive"),
        (lambda: ub.deconv(to=(1, 4, 4)), r"deconv needs channels"),
        (lambda: ub.deconv(3, to=(1, 0, 4)), r"the sizes of deconv must be positive"),
        (lambda: ub.mlp(3, activation="relus"), r"there is no activation 'relus'. Did you mean 'relu'\?"),
        (lambda: ub.conv(3, activation="swish"), r"there is no activation 'swish'. Known: 'elu'"),
        (
            lambda: ub.deconv(3, to=(1, 4, 4), activation="siluu"),
            r"there is no activation 'siluu'. Did you mean 'silu'",
        ),
    ],
)
def test_layers_that_cannot_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        make()


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.LazyLinear(2),
        lambda: nn.Sequential(nn.LazyLinear(5), nn.BatchNorm1d(5), nn.ReLU(), nn.LazyLinear(2)),
        lambda: nn.Sequential(nn.LazyBatchNorm1d(), nn.Linear(3, 2)),
        lambda: nn.Bilinear(3, 3, 2),
    ],
)
def test_any_torch_module_is_part_of_a_program(layer: Any) -> None:
    made = layer()
    inputs = 2 if isinstance(made, nn.Bilinear) else 1
    model = decoding(lambda digit, style: ub.module(made)(*[style] * inputs), 2)
    assert model.training
    result = model.objective(torch.randn(5, 2), {"digit": torch.tensor([0, -1, 2, -1, 1])})
    result.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert torch.equal(model.reconstruct(torch.ones(1, 2)), model.reconstruct(torch.ones(3, 2))[:1])  # evaluation mode


def test_only_torch_modules_are_modules() -> None:
    with pytest.raises(ModelError, match=r"ub.module takes a torch.nn.Module, got function"):
        ub.module(test_only_torch_modules_are_modules)  # type: ignore[arg-type]
    assert callable(ub.module(nn.ReLU()))


def test_a_layer_starts_as_a_linear_layer_of_all_its_parents_would() -> None:
    """Uniform in ±1/sqrt(n) for n inputs in all."""
    model = decoding(lambda digit, style: ub.dense(7)(ub.mlp(400)(digit, style), style), 7)
    bounds = {"encode_dense_0": 7, "encode_dense_1": 7, "decode_dense_0": 7, "decode_dense_1": 403}
    for name, inputs in bounds.items():
        for parameter in model.parts[name].parameters():
            assert parameter.abs().max() <= 1 / math.sqrt(inputs)
    for name in ("decode_dense_0", "decode_dense_1"):
        weight = linear(model, name).weight
        assert weight.abs().max() > 0.98 / math.sqrt(bounds[name])
        scale, count = 1 / math.sqrt(3 * bounds[name]), weight.numel()
        assert abs(weight.std() / scale - 1) < 5 / math.sqrt(count)


def test_weights_of_convolutions_lie_channels_last() -> None:
    class Convolved(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"z": ub.Normal(2)(ub.conv(3, 4)(x))}

        def decode(self, z: Any) -> Any:
            return ub.Normal(2, 8, 8)(loc=ub.deconv(4, to=(2, 8, 8))(z), scale=1.0)

    weights = [each.weight for each in Convolved().modules() if type(each) is nn.Conv2d]
    assert len(weights) == 2
    assert all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)


@pytest.mark.parametrize("of_data", [30, 3])
def test_data_is_left_out_of_the_backward_pass_and_changes_nothing(of_data: int) -> None:
    """Beside a parent that needs a gradient: where data is most of the input its product is one of its own."""
    torch.manual_seed(0)
    layer, x = Linear(of_data + 5, 4).double(), torch.rand(6, of_data, dtype=torch.float64)
    known, free = torch.rand(6, 5, dtype=torch.float64), torch.rand(6, 5, dtype=torch.float64, requires_grad=True)
    for other in (known, free):
        joined = torch.cat([other, x], -1)
        torch.testing.assert_close(layer(other, x), nn.functional.linear(joined, layer.weight, layer.bias))
    inputs = [layer.weight, layer.bias, free]
    found = torch.autograd.grad(layer(free, x).square().sum(), inputs)
    expected = torch.autograd.grad(
        nn.functional.linear(torch.cat([free, x], -1), layer.weight, layer.bias).square().sum(), inputs
    )
    torch.testing.assert_close(found, expected)
    assert len(layer._groups((free, x))) == (2 if of_data == 30 else 1)
    assert len(layer._groups((known, x))) == 1
