"""Hyper-parameters: typed fields with defaults, given by keyword."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import unbraid as ub
from tests.models import Digits
from unbraid.errors import OptionError


class Plain(ub.Model):
    """A model with a field of each plain type."""

    size: int = 2
    slope: float = 0.5
    name: str = "plain"
    deep: bool = False
    limits: tuple[int, ...] = (1, 2)
    shared: ClassVar[int] = 7
    _private: int = 3

    def encode(self, x: Any) -> Any:
        return {"style": ub.Normal(self.size)(x)}

    def decode(self, style: Any) -> Any:
        return ub.Bernoulli(4)(style)


class Grown(Plain):
    """A model with one more field, and another default."""

    size: int = 3
    extra: int = 1


def test_fields_are_the_typed_attributes_with_defaults() -> None:
    assert Plain().fields == {"size": 2, "slope": 0.5, "name": "plain", "deep": False, "limits": (1, 2)}
    assert Plain.field_types()["slope"].type is float
    assert Plain.field_types()["slope"].default == 0.5


def test_given_fields_replace_defaults_and_are_attributes() -> None:
    model = Plain(size=5, slope=2, deep=True, limits=(3,))
    assert model.fields == {"size": 5, "slope": 2, "name": "plain", "deep": True, "limits": (3,)}
    assert model.size == 5
    assert model.latents["style"].event_shape == (5,)
    assert Plain.size == 2


def test_numbers_of_numpy_become_pythons() -> None:
    fields = Plain(size=np.int64(5), slope=np.float32(0.5), deep=np.bool_(True)).fields
    assert [(fields[name], type(fields[name])) for name in ("size", "slope", "deep")] == [
        (5, int), (0.5, float), (True, bool)
    ]  # fmt: skip
    with pytest.raises(OptionError, match=r"the field 'size' is int, got 5\.0 \(float\)"):
        Plain(size=np.float64(5))


def test_fields_are_inherited() -> None:
    assert Grown().fields["size"] == 3
    assert list(Grown.field_types()) == ["size", "slope", "name", "deep", "limits", "extra"]


def test_the_seed_is_no_field() -> None:
    model = Digits(seed=4)
    assert model.seed == 4
    assert "seed" not in model.fields


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(OptionError, match=r"Digits has no field 'hiden'. Did you mean 'hidden'\?"):
        Digits(hiden=3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"size": 2.0}, r"the field 'size' is int, got 2.0 \(float\)"),
        ({"size": True}, r"'size' is int, got True \(bool\)"),
        ({"size": "2"}, r"'size' is int, got '2' \(str\)"),
        ({"slope": "steep"}, r"'slope' is float, got 'steep' \(str\)"),
        ({"slope": True}, r"'slope' is float, got True"),
        ({"name": 3}, r"'name' is str, got 3 \(int\)"),
        ({"deep": 1}, r"'deep' is bool, got 1 \(int\)"),
    ],
)
def test_fields_of_another_type_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Plain(**given)


def test_a_field_needs_a_default() -> None:
    methods = {"__annotations__": {"size": int}, "encode": Plain.encode, "decode": Plain.decode}
    bare = type("Bare", (ub.Model,), methods)
    with pytest.raises(OptionError, match=r"Bare: the field 'size' needs a default value"):
        bare()
    assert type("Full", (ub.Model,), {**methods, "size": 2})().fields == {"size": 2}


@pytest.mark.parametrize("name", ["latents", "graph", "seed", "fields", "training", "parts", "predict", "forward"])
def test_a_field_has_a_name_of_its_own(name: str) -> None:
    cls = type("Named", (Plain,), {"__annotations__": {name: int}, name: 1})
    with pytest.raises(OptionError, match=rf"Named: a field cannot be called '{name}'"):
        cls()
    assert type("Named", (Plain,), {"__annotations__": {"own": int}, "own": 1})().fields["own"] == 1
