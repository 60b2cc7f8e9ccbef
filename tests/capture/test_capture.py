"""A captured pass is the pass: the same values, noise and gradients, bit for bit, or it is not captured."""

from __future__ import annotations

import copy
import gc
import re
import weakref
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import unbraid as ub
from tests.models import REGISTRY, Digits, labels_of, rows_of
from unbraid.capture.recorder import Recorder, refuse_capture
from unbraid.errors import ModelError
from unbraid.objectives.terms import Objective

ROWS = 6
OUTSIDE, CONSTANT = torch.ones(3), torch.ones(3)
AS_WRITTEN = ("Faces", "Positives", "Skies")
"""Models with a density that turns gradients off and on within, or a draw that takes a seed: as they are written."""


def written(model: ub.Model) -> ub.Model:
    """Returns a copy that computes every pass as it is written."""
    other = copy.deepcopy(model)
    other.captures.enabled = False
    return other


def step(model: ub.Model, x: Tensor, labels: dict[str, Tensor], seed: int = 0, **options: Any) -> Objective:
    """Takes the gradient of an objective, with noise of a seed."""
    model.zero_grad()
    torch.manual_seed(seed)  # dropout draws from the global generator
    found = model.objective(x, labels, generator=torch.Generator().manual_seed(seed), **options)
    found.loss.backward()
    return found


def assert_same(model: ub.Model, found: Objective, other: ub.Model, expected: Objective) -> None:
    """Compares two passes: losses, terms, their rows, and gradients, bit for bit."""
    assert torch.equal(found.loss, expected.loss)
    assert list(found.terms) == list(expected.terms)
    for name, term in expected.terms.items():
        assert torch.equal(found.terms[name].values, term.values), name
        torch.testing.assert_close(found.terms[name].rows, term.rows, rtol=0, atol=0)
    for (name, one), two in zip(model.named_parameters(), other.parameters(), strict=True):
        assert (one.grad is None) == (two.grad is None), name
        assert one.grad is None or two.grad is None or torch.equal(one.grad, two.grad), name


def partly(labels: dict[str, Tensor]) -> dict[str, Tensor]:
    """Takes the labels of the first rows away."""
    less = {name: each.clone() for name, each in labels.items()}
    for each in less.values():
        each[: ROWS // 2] = torch.nan if each.is_floating_point() else -1
    return less


@pytest.mark.parametrize("kind", REGISTRY.values(), ids=REGISTRY)
@pytest.mark.parametrize("labelled", ["none", "some", "all"])
def test_replays_are_the_pass_bit_for_bit(kind: type[ub.Model], labelled: str) -> None:
    model = kind()
    other, x, labels = written(model), rows_of(model, ROWS), labels_of(model, ROWS)
    given = {"none": {}, "some": partly(labels), "all": labels}[labelled]
    for seed in range(4):
        assert_same(model, step(model, x, given, seed), other, step(other, x, given, seed))
    if kind.__name__ not in AS_WRITTEN:
        assert model.captures.count == 1, model.captures.reasons
    assert model.captures.count + len(model.captures.reasons) == 1
    assert other.captures.count == 0


@pytest.fixture
def digits() -> tuple[ub.Model, Tensor]:
    model = Digits()
    return model, rows_of(model, ROWS)


def twice(model: ub.Model, x: Tensor) -> None:
    """Has a pass captured."""
    before = model.captures.count
    for _ in range(2):
        step(model, x, {})
    assert model.captures.count == before + 1


@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", ub.estimators.Gumbel(), "sum_and_sample", "reinforce"])
def test_every_estimator_gives_the_same_with_and_without(digits: tuple[ub.Model, Tensor], estimator: Any) -> None:
    model, x = digits
    other = written(model)
    for seed in range(4):
        options = {"estimators": {"digit": estimator}, "progress": seed / 4}
        assert_same(model, step(model, x, {}, seed, **options), other, step(other, x, {}, seed, **options))


def test_chunks_stay_chunks(digits: tuple[ub.Model, Tensor]) -> None:
    """A line of calls would keep the activations of all chunks for the backward pass."""
    model, x = digits
    other = written(model)
    for seed in range(4):
        options = {"estimators": {"digit": ub.Enumerate(rows=2 * ROWS)}}
        assert_same(model, step(model, x, {}, seed, **options), other, step(other, x, {}, seed, **options))
    assert model.captures.count == 0
    assert list(model.captures.reasons.values()) == [
        "chunks of values are computed again in the backward pass, to bound memory"
    ]


def test_running_means_are_not_captured_and_the_reason_is_said(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    for _ in range(3):
        step(model, x, {}, estimators={"digit": ub.Reinforce(samples=1)})
    assert str(model.captures) == (
        "kinds of pass captured: 0\nnot captured: reinforce(samples=1) keeps running means from one pass to the next"
    )


def test_what_is_refused_keeps_no_tensor_alive() -> None:
    x = torch.ones(3)
    with Recorder({"x": x}, (), None) as recorder:
        y = (x * 2).exp()
        refuse_capture("for a test")
        gone = weakref.ref(y)
        del y
        assert gone() is None
        gone = weakref.ref(x + 1)
        assert gone() is None
    assert recorder.refused == "for a test"
    refuse_capture("while nothing is recorded")


def test_another_option_is_another_pass(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    other = written(model)
    twice(model, x)
    for options in ({"beta": 2.0}, {"samples": 2}, {"free_bits": 9.0}, {"bound": "importance"}):
        for _ in range(3):
            assert_same(model, step(model, x, {}, **options), other, step(other, x, {}, **options))


def test_replays_see_what_became_of_the_parameters(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    twice(model, x)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    other = written(model)
    assert_same(model, step(model, x, {}), other, step(other, x, {}))
    layer = next(module for module in model.modules() if isinstance(module, nn.Linear))
    layer.weight = nn.Parameter(torch.zeros_like(layer.weight))
    other = written(model)
    assert_same(model, step(model, x, {}), other, step(other, x, {}))


def test_replays_take_weights_that_stand_in(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    twice(model, x)
    zeros = {name: torch.zeros_like(each) for name, each in model.named_parameters()}

    class Loss(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self) -> Tensor:
            return model.objective(x, generator=torch.Generator().manual_seed(0)).loss

    found = torch.func.functional_call(Loss(), {f"model.{name}": each for name, each in zeros.items()}, ())
    other = written(model)
    other.load_state_dict({**other.state_dict(), **zeros})
    assert torch.equal(found, step(other, x, {}).loss)


def test_without_gradients_is_another_pass(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    twice(model, x)
    with torch.no_grad():
        assert not model.objective(x).loss.requires_grad
    assert model.objective(x).loss.requires_grad


def test_other_types_of_number_are_other_passes(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    twice(model, x)
    model.double()
    other = written(model)
    for _ in range(3):
        assert_same(model, step(model, x.double(), {}), other, step(other, x.double(), {}))


class Dropping(ub.Model):
    """A recognition network with dropout."""

    def encode(self, x: Any) -> Any:
        return {"z": ub.Normal(2)(ub.mlp(8, dropout=0.5)(x))}

    def decode(self, z: Any) -> Any:
        return ub.Normal(4)(ub.mlp(8)(z))


def test_dropout_is_drawn_anew_and_stops_in_evaluation() -> None:
    model, x = Dropping(), torch.zeros(ROWS, 4)
    other = written(model)
    for seed in range(4):
        assert_same(model, step(model, x, {}, seed), other, step(other, x, {}, seed))
    assert model.captures.count == 1
    assert not torch.equal(step(model, x, {}, 1).loss, step(model, x, {}, 2).loss)
    model.eval(), other.eval()
    for seed in range(3):
        assert_same(model, step(model, x, {}, seed), other, step(other, x, {}, seed))


def test_statistics_of_a_normalisation_go_on() -> None:
    class Normalised(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"z": ub.Normal(2)(ub.module(nn.BatchNorm1d(4))(x))}

        def decode(self, z: Any) -> Any:
            return ub.Normal(4)(z)

    model, x = Normalised(), torch.arange(24.0).reshape(ROWS, 4)
    other = written(model)
    for seed in range(4):
        assert_same(model, step(model, x, {}, seed), other, step(other, x, {}, seed))
        for one, two in zip(model.buffers(), other.buffers(), strict=True):
            assert torch.equal(one, two)


class Own(nn.Module):
    """Does what no recorder of torch calls can see."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0

    def forward(self, x: Tensor) -> Tensor:
        self.times += 1
        return x * self.times


def test_a_module_of_the_users_own_is_called_each_time() -> None:
    class Counting(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"z": ub.Normal(2)(ub.module(Own())(x))}

        def decode(self, z: Any) -> Any:
            return ub.Normal(4)(z)

    model, x = Counting(), torch.ones(ROWS, 4)
    own = next(module for module in model.modules() if isinstance(module, Own))
    before = own.times
    for _ in range(4):
        step(model, x, {})
    assert own.times == before + 4
    assert list(model.captures.reasons.values()) == [
        "Own may do more than call torch (if it does not, declare it with @ub.capturable)"
    ]


@ub.capturable
class Declared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.times = 0

    def forward(self, x: Tensor) -> Tensor:
        self.times += 1
        return x * self.scale


class Inherited(Declared):
    pass


@pytest.mark.parametrize("kind", [Declared, Inherited])
def test_a_module_is_captured_if_it_says_so_itself(kind: type[Declared]) -> None:
    class Scaled(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"z": ub.Normal(2)(ub.module(kind())(x))}

        def decode(self, z: Any) -> Any:
            return ub.Normal(4)(z)

    model, x = Scaled(), torch.ones(ROWS, 4)
    other = written(model)
    own = next(module for module in model.modules() if isinstance(module, Declared))
    for seed in range(4):
        before = own.times
        assert_same(model, step(model, x, {}, seed), other, step(other, x, {}, seed))
    assert own.times - before == (0 if kind is Declared else 1)
    assert model.captures.count == (1 if kind is Declared else 0)


def test_only_a_class_is_declared() -> None:
    with pytest.raises(ModelError, match=r"ub\.capturable declares a class, got Linear"):
        ub.capturable(nn.Linear(2, 2))  # type: ignore[type-var]


def test_hooks_are_called_each_time(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    twice(model, x)
    layer, seen = next(module for module in model.modules() if isinstance(module, nn.Linear)), []
    handle = layer.register_forward_hook(lambda *_: seen.append(1))
    for _ in range(4):
        step(model, x, {})
    assert len(seen) == 4
    handle.remove()
    for _ in range(4):
        step(model, x, {})
    assert len(seen) == 4


def test_many_kinds_of_pass_do_not_pile_up(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    for i in range(200):
        model.objective(x, beta=1 + i / 200)
    assert len(model.captures._found) <= 64


def test_a_copy_has_captures_of_its_own(digits: tuple[ub.Model, Tensor]) -> None:
    model, x = digits
    twice(model, x)
    other = copy.deepcopy(model)
    assert other.captures.count == 0
    assert_same(model, step(model, x, {}), other, step(other, x, {}))


def set_first(changed: Tensor, x: Tensor) -> Tensor:
    """Sets an item."""
    changed[0] = x[0]
    return x


@pytest.mark.parametrize(
    ("compute", "reason"),
    [
        (lambda x: x * float(x.sum()), r"reads the values of tensors"),
        (lambda x: x[x > 0] if bool(x.any()) else x, r"reads the values of tensors"),
        (lambda x: x + torch.from_numpy(x.detach().numpy()), r"reads the values|a ndarray"),
        (lambda x: x + torch.rand(3, generator=torch.Generator()), r"a generator of its own"),
        (lambda x: x + torch.tensor(memoryview(b"abc")), r"gives a torch function a memoryview"),
        (lambda x: x + OUTSIDE, r"a tensor that no torch function made of its arguments"),
        (lambda x: CONSTANT.add_(x), r"it changes a constant"),
        (lambda x: set_first(CONSTANT, x), r"it changes a constant"),
    ],
)
def test_what_is_more_than_torch_calls_is_refused(compute: Any, reason: str) -> None:
    x = torch.ones(3)
    with Recorder({"x": x, "k": CONSTANT}, ("k",), None) as recorder:
        found = compute(x)
    recorder.names_of([found])
    assert recorder.refused is not None
    assert re.search(reason, recorder.refused)


def test_a_generator_is_drawn_from_though_there_was_none_before() -> None:
    model = Digits()
    other, x = written(model), rows_of(model, ROWS)
    for _ in range(2):
        model.objective(x)
    found = [model.objective(x, generator=torch.Generator().manual_seed(3)).loss.item() for _ in range(3)]
    assert found == [other.objective(x, generator=torch.Generator().manual_seed(3)).loss.item()] * 3


def test_one_tensor_for_two_latents_is_two_tensors_later() -> None:
    class Twins(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"a": ub.Normal(2)(x), "b": ub.Normal(2)(x)}

        def decode(self, a: Any, b: Any) -> Any:
            return ub.Normal(4)(ub.mlp(8)(a, b))

    model, x, zero = Twins(), torch.randn(ROWS, 4), torch.zeros(ROWS, 2)
    other = written(model)
    for _ in range(3):
        model.objective(x, {"a": zero, "b": zero})
    labels = {"a": torch.randn(ROWS, 2), "b": torch.randn(ROWS, 2)}
    for _ in range(3):
        assert torch.equal(model.objective(x, labels).loss, other.objective(x, labels).loss)


def test_a_model_that_nobody_holds_is_forgotten() -> None:
    """With its weights: what is remembered of its graph goes too."""
    held = []
    for seed in range(3):
        model = Digits(seed=seed)
        for _ in range(3):
            model.objective(rows_of(model, ROWS), labels_of(model, ROWS), estimators={"digit": "plug_in"})
        held.append(weakref.ref(next(model.parameters())))
        del model
    gc.collect()
    assert [each() for each in held] == [None] * 3


def test_rows_that_lie_in_another_order_are_another_kind_of_pass() -> None:
    """Where rows lie in order `contiguous` returns them as they are, which no pass of others may do."""

    class Viewed(ub.Model):
        def encode(self, x: Any) -> Any:
            return {"style": ub.Normal(2)(x.contiguous().view(-1, 16))}

        def decode(self, style: Any) -> Any:
            return ub.Normal(4, 4)(style)

    model, x = Viewed(), torch.randn(ROWS, 4, 4)
    other, turned = written(model), torch.randn(ROWS, 4, 4).transpose(1, 2)
    for rows in (x, x, x, turned, turned, turned):
        generators = (torch.Generator().manual_seed(0) for _ in range(2))
        found, expected = (each.objective(rows, generator=next(generators)).loss for each in (model, other))
        assert torch.equal(found, expected)
