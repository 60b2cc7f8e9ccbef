"""What is no `Repeat`, or no label of one: each error beside its valid twin."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import unbraid as ub
from tests.repeat.models import SIZE, STEPS, Event, Events, rows
from unbraid.errors import DataError, ModelError, OptionError

X, TRUTH = rows(8)


class Plain(ub.Submodel):
    def encode(self, h: Any) -> Any:
        return {"kind": ub.Categorical(3)(h)}


def made(repeat: Callable[[Any, Any], Any], decode: Callable[[Any], Any] | None = None) -> ub.Model:
    """Makes a model whose items are what `repeat` makes of x and of a count of 0 to 3."""

    def encode(self: Any, x: Any) -> Any:
        count = ub.Categorical(4)(x)
        return {"count": count, "items": repeat(x, count)}

    def decoded(self: Any, items: Any) -> Any:
        return ub.Normal(SIZE)(items.kind) if decode is None else decode(items)

    program: type[ub.Model] = type("Program", (ub.Model,), {"encode": encode, "decode": decoded})
    return program()


def stepping(encode: Any, **methods: Any) -> ub.Submodel:
    """Makes a sub-model of methods."""
    program: type[ub.Submodel] = type("Item", (ub.Submodel,), {"encode": encode, **methods})
    return program()


def test_the_plain_program_is_a_model() -> None:
    assert list(made(lambda x, count: ub.Repeat(Plain(), at_most=3)(x, count)).latents) == ["count", "items.kind"]
    assert len(made(lambda x, count: ub.Repeat(Plain())(x, 2)).graph.latents) == 3
    bit = made(lambda x, count: ub.Repeat(Plain())(x, 1))
    assert len(bit.graph.latents) == 2
    number: Any = np.int64(2)  # of any type
    assert len(made(lambda x, count: ub.Repeat(Plain(), at_most=number + 1)(x, number)).graph.latents) == 3


@pytest.mark.parametrize(
    ("repeat", "message"),
    [
        (lambda x, c: ub.Repeat(Plain(), at_most=2)(x, c), r"the count can be 3, and at_most is 2: .*Categorical\(3\)"),
        (lambda x, c: ub.Repeat(Plain(), at_most=2)(x, 3), r"the count can be 3, and at_most is 2"),
        (lambda x, c: ub.Repeat(Plain())(x, 0), r"there must be at least 1 step, got 0"),
        (lambda x, c: ub.Repeat(Plain(), at_most=3)(x, 0), r"there must be at least 1 step, got 0"),
        (lambda x, c: ub.Repeat(Plain(), at_most=3)(x, -1), r"there must be at least 1 step, got -1"),
        (lambda x, c: ub.Repeat(Plain())(x, ub.Categorical(1)(x)), r"there must be at least 1 step, got 0"),
        (lambda x, c: ub.Repeat(Plain(), at_most=3)(x, "2"), r"is the count, .*got '2'"),
        (lambda x, c: ub.Repeat(Plain())(), r"a Repeat is given inputs and a count"),
        (lambda x, c: ub.Repeat(Plain(), 3)(x), r"the last thing that a Repeat is given is the count.*got x\. Write"),
        (lambda x, c: ub.Repeat(Plain(), 3)(x, 2.0), r"is the count, .*got 2\.0"),
        (lambda x, c: ub.Repeat(Plain(), 3)(x, True), r"is the count, .*got True"),
        (lambda x, c: ub.Repeat(Plain(), 3)(x, x, c), r"Plain.encode takes 1 inputs \(h\), and the Repeat is given 2"),
        (lambda x, c: ub.Repeat(Plain(), 3)(c), r"Plain.encode takes 1 inputs \(h\), and the Repeat is given 0"),
        (lambda x, c: ub.Repeat(Plain(), 3)(0.5, c), r"the input 'h' of Plain is a float"),
        (lambda x, c: ub.Repeat(Plain, 3)(x, c), r"takes a sub-model .*got Plain\. Make one: ub.Repeat\(Item\(\)"),
        (lambda x, c: ub.Repeat(Events(), 3)(x, c), r"takes a sub-model \(a ub.Submodel\), got Events\."),
    ],
)
def test_inputs_and_counts(repeat: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        made(repeat)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "any"}, r"order must be 'given' or 'matched', got 'any'"),
        ({"at_most": 2.0}, r"at_most must be a whole number of at least 1, got 2\.0"),
        ({"at_most": "2"}, r"at_most must be a whole number of at least 1, got '2'"),
        ({"at_most": 0}, r"at_most must be a whole number of at least 1, got 0"),
        ({"at_most": True}, r"at_most must be a whole number of at least 1, got True"),
        ({"state": 0}, r"state, the size of the recurrent state, must be at least 1, got 0"),
    ],
)
def test_options(options: Any, message: str) -> None:
    made(lambda x, count: ub.Repeat(Plain(), order="matched", state=1)(x, count))
    with pytest.raises(OptionError, match=message):
        ub.Repeat(Plain(), **options)


@pytest.mark.parametrize(
    ("encode", "message"),
    [
        (lambda self, h: ub.Categorical(3)(h), r"Item.encode must return a dict of latents by name, got Symbol"),
        (lambda self, h: {}, r"Item.encode must return a dict"),
        (lambda self, h: {"kind": 3}, r"'kind' is a int, not a symbol"),
        (lambda self, h: {"state": ub.Normal(1)(h)}, r"'state' is no name for what a step returns: .*none of decode"),
        (lambda self, h: {"present": ub.Normal(1)(h)}, r"'present' is no name for what a step returns"),
        (lambda self, h: {"each": ub.Normal(1)(h)}, r"'each' is no name for what a step returns"),
        (lambda self, h: {"_kind": ub.Normal(1)(h)}, r"'_kind' is no name for what a step returns"),
        (
            lambda self, h: {"kind": ub.Categorical(3)(h, ub.Normal(2)(h))},
            r"Item.encode: the Normal\(2\) of test_refusals.py, line \d+ has no name: add it to the dict",
        ),
        (
            lambda self, h: {"kind": ub.Categorical(3)(h), "inner": ub.Repeat(Plain(), order="matched")(h, 2)},
            r"'inner' is a Repeat inside a Repeat, whose items cannot be matched",
        ),
    ],
)
def test_what_a_step_returns(encode: Any, message: str) -> None:
    good = stepping(lambda self, h: {"kind": ub.Categorical(3)(h), "inner": ub.Repeat(Plain())(h, 2)})
    made(lambda x, count: ub.Repeat(good)(x, count))
    with pytest.raises(ModelError, match=message):
        made(lambda x, count: ub.Repeat(stepping(encode))(x, count))


def recurrent(self: Any, h: Any, state: Any) -> Any:
    return {"kind": ub.Categorical(3)(h, state)}


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (
            {"next_state": lambda self, state, kind: torch.cat([state, kind], 1)},
            r"The same layer was given .*\(rows, 4\) before and is given .*\(rows, 7\) here\. In a "
            r"Repeat .*must not depend on the step: next_state must return a state of the size",
        ),
        ({"next_state": lambda self, state, kin: state}, r"takes 'kin', which is neither.*mean 'kind'"),
        ({"next_state": lambda self, state: 3}, r"Item.next_state must return a symbol, got int"),
        ({"first_state": lambda self: None}, r"Item.first_state must return a symbol, got NoneType"),
    ],
)
def test_states(methods: Any, message: str) -> None:
    own = stepping(recurrent, next_state=lambda self, state, kind: state + ub.dense(4)(kind))
    made(lambda x, count: ub.Repeat(own, state=4)(x, count))
    with pytest.raises(ModelError, match=message):
        made(lambda x, count: ub.Repeat(stepping(recurrent, **methods), state=4)(x, count))


def test_a_size_of_a_latent_that_depends_on_the_step() -> None:
    """Only through its parents can it: the layer that makes it is the same in every step."""

    def latents(self: Any, h: Any, state: Any) -> Any:
        return {"kind": ub.Normal(4)(loc=state, scale=1.0)}

    message = r"loc of Normal\(4\) \(items\[1\].kind\) must have event shape \(4,\), got \(8,\)"
    grown = stepping(latents, next_state=lambda self, state, kind: torch.cat([state, kind], 1))
    with pytest.raises(ModelError, match=message):
        made(lambda x, count: ub.Repeat(grown, state=4)(x, count))
    made(lambda x, count: ub.Repeat(stepping(latents, next_state=lambda self, state: state), state=4)(x, count))


@pytest.mark.parametrize(
    ("decode", "message"),
    [
        (lambda items: ub.Normal(SIZE)(items.knd), r"a step of Plain has no 'knd'.*Did you mean 'kind'"),
        (lambda items: ub.Normal(SIZE)(items.decode()), r"Plain has no method decode: write one, or use each"),
        (lambda items: ub.Normal(SIZE)(items.each(lambda size: size)), r"a step of Plain has no 'size'"),
        (
            lambda items: ub.Normal(SIZE)(items.each(lambda kind: 3)),
            r"a function that returns a symbol; it returned int",
        ),
        (
            lambda items: ub.Normal(SIZE)(items.each(lambda kind: ub.Normal(2)(kind))),
            r"each makes no random variables, and here is a Normal\(2\)",
        ),
    ],
)
def test_what_is_asked_of_the_steps(decode: Any, message: str) -> None:
    made(lambda x, count: ub.Repeat(Plain())(x, count), lambda items: ub.Normal(SIZE)(items.each(lambda kind: kind)))
    with pytest.raises(ModelError, match=message):
        made(lambda x, count: ub.Repeat(Plain())(x, count), decode)


@pytest.mark.parametrize(
    "use",
    [
        lambda items: ub.mlp(3)(items),
        lambda items: ub.mlp(3)(ub.dense(2)(items.kind), items),
        lambda items: ub.conv(3)(items),
        lambda items: ub.Normal(SIZE)(items),
        lambda items: ub.Normal(SIZE)(loc=items),
        lambda items: items[0],
        lambda items: [ub.dense(2)(item) for item in items],
        lambda items: torch.sum(items),
        lambda items: torch.cat([items.kind, items], 1),
        lambda items: items.kind + items,
        lambda items: 2 * items,
        lambda items: items - 1,
        lambda items: -items,
    ],
)
def test_the_steps_are_no_symbol(use: Any) -> None:
    message = (
        r"test_refusals.py, line \d+: the steps of Plain are no symbol.*: items.kind\. Write one of these, "
        r"items.decode\(\), items.each\(function\)"
    )
    with pytest.raises(ModelError, match=message):
        made(lambda x, count: ub.Repeat(Plain())(x, count), lambda items: ub.Normal(SIZE)(use(items)))


def test_a_step_and_steps_of_steps_are_no_symbols() -> None:
    given_a_step = stepping(lambda self, h, event: {"kind": ub.Categorical(3)(h, event)})

    def repeat(x: Any, count: Any) -> Any:
        return ub.Repeat(given_a_step)(x, ub.Repeat(Plain())(x, count), count)

    with pytest.raises(ModelError, match=r"a step of Plain is no symbol, but holds one by each name: item.kind"):
        made(repeat)
    outer = stepping(lambda self, h: {"kind": ub.Categorical(3)(h), "inner": ub.Repeat(Plain())(h, 2)})
    with pytest.raises(ModelError, match=r"a Repeat in a Repeat: the steps of Plain are no symbol"):
        made(lambda x, count: ub.Repeat(outer)(x, count), lambda items: ub.Normal(SIZE)(items.inner[0]))


# Labels.

KIND = torch.full((8, STEPS), -1)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"events.kinds": KIND}, r"labels for 'events.kinds', which is no latent.*Did you mean 'events.kind'"),
        ({"kind": KIND}, r"labels for 'kind', which is no latent"),
        (
            {"events.kind": KIND[:, :2]},
            r"'events.kind' has a value for every step: expected the shape \(rows, 3, \.\.\.\)",
        ),
        ({"events.kind": KIND[:, 0]}, r"'events.kind' has a value for every step"),
        ({"events.kind": KIND[:3]}, r"labels of 'events\[0\].kind' have shape \(3,\), expected \(8,\)"),
        (
            {"count": torch.ones(2).long(), "events.kind": KIND},
            r"labels of 'count' have shape \(2,\), expected \(8,\)",
        ),
        (
            {"count": torch.ones(8).long(), "events.kind": KIND + torch.tensor([3, 2, 0])},
            r"row 0 has a label for 'events\[1\].kind', and 'count' is labelled 1 there: steps from 1 on are not there",
        ),
    ],
)
def test_labels_that_do_not_fit(labels: Any, message: str) -> None:
    kinds = KIND.clone()
    kinds[:, 0] = 1
    Events().objective(X, {"count": torch.ones(8).long(), "events.kind": kinds})
    with pytest.raises(DataError, match=message):
        Events().objective(X, labels)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"events.knd": TRUTH["events.kind"]}, r"'events.knd', which is no latent.*Did you mean 'events.kind'"),
        ({"events.kind": TRUTH["events.kind"][:5]}, r"'events.kind' has 5 labels, but the data have 8 rows: .*\(8, 3"),
        ({"events.kind": TRUTH["events.kind"][:, :2]}, r"has a value for every step: expected the shape \(rows, 3"),
        ({"events.kind": KIND}, r"no row is labelled for 'events.kind'; leave it out"),
        ({"events.size": torch.full((8, 3, 2), math.nan)}, r"no row is labelled for 'events.size'"),
        ({"events.size": torch.zeros(8, 3)}, r"labels of 'events\[0\].size' have shape \(8,\), expected \(8, 2\)"),
        ({"count": torch.zeros(8).long() + 1, "events.kind": KIND + 2}, r"row 0 has a label for 'events\[1\].kind'"),
        ({"events.kind": TRUTH["events.kind"].clamp_max(0)}, r"no row is labelled .*1"),
    ],
)
def test_labels_of_a_training_that_do_not_fit(labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        ub.fit(Events(), X, labels, epochs=1, out=None, progress="quiet")


def test_a_field_of_a_submodel() -> None:
    assert Event(kinds=5).kinds == 5
    with pytest.raises(OptionError, match=r"kinds"):
        Event(kinds="five")
    with pytest.raises(ModelError, match=r"Submodel has no method 'encode'"):
        ub.Submodel()


@pytest.mark.parametrize("name", ["decode", "each", "instead", "order", "present", "refuse", "title", "values"])
def test_a_latent_is_not_called_like_what_steps_have(name: str) -> None:
    def encode(self: Any, h: Any) -> Any:
        return {"kind": ub.Categorical(3)(h), name: ub.Normal(1)(h)}

    with pytest.raises(ModelError, match=rf"{name!r}"):
        made(lambda x, count: ub.Repeat(stepping(encode), at_most=3)(x, count))


class Group(ub.Submodel):
    """Up to two events."""

    def encode(self, h: Any) -> Any:
        return {"events": ub.Repeat(Plain(), at_most=2)(h, 2)}


@pytest.mark.parametrize("name", ["decode", "each"])
def test_what_steps_inside_steps_have_not(name: str) -> None:
    def wrong(items: Any) -> Any:
        return ub.Normal(SIZE)(getattr(items.events, name)())

    with pytest.raises(ModelError, match=rf"steps inside steps have no {name}\(\): write groups\.each\(lambda"):
        made(lambda x, count: ub.Repeat(Group())(x, 2), wrong)


def test_what_is_there_of_a_sub_model_that_only_repeats() -> None:
    model = made(lambda x, count: ub.Repeat(Group(), at_most=3)(x, count), lambda items: ub.Normal(SIZE)(items.present))
    assert model.reconstruct(X).shape == X.shape
