"""Options of the command line say what the fields of Python say."""

from __future__ import annotations

import dataclasses
from inspect import signature
from typing import Any, get_type_hints

import pytest
import tyro

import unbraid as ub
from unbraid.cli import program_command, train_command
from unbraid.commands.run_options import RunOptions
from unbraid.options import TAKEN, field_option, model_options, settings_options, values_of
from unbraid.training.settings import Settings


class Sizes(ub.Model):
    """A model whose fields have the names of options, and several types."""

    epochs: int = 3
    width: int = 4
    sizes: tuple[int, ...] = (2, 3)
    gate: bool = True
    scale: float = 0.5
    kind: str = "plain"
    names: dict[str, int] = {"a": 1}  # noqa: RUF012 - a field of a model is copied into its instances

    def encode(self, x: Any) -> Any:
        return {"style": ub.Normal(2)(x)}

    def decode(self, style: Any) -> Any:
        return ub.Normal(3)(style)


def parsed(options: Any, *words: str) -> dict[str, Any]:
    """Reads words as options."""
    without_prefix: Any = tyro.conf.OmitArgPrefixes
    return values_of(tyro.cli(without_prefix[options], args=list(words)))


def test_settings_have_the_recipes_values_unless_given() -> None:
    recipe = Settings(epochs=7, betas=(0.5, 0.75))
    options = settings_options(recipe)
    assert Settings(**parsed(options)) == recipe
    found = parsed(
        options, "--learning-rate", "0.5", "--no-mixed", "--estimators", "kind", "enumerate", "--choose", "best"
    )
    assert Settings(**found) == recipe.changed(
        learning_rate=0.5, mixed=False, estimators={"kind": "enumerate"}, choose="best"
    )


def test_every_setting_is_an_option_with_its_text() -> None:
    hints = get_type_hints(settings_options(Settings()), include_extras=True)
    texts = get_type_hints(Settings, include_extras=True)
    assert hints.keys() == {each.name for each in dataclasses.fields(Settings)}
    for name, hint in hints.items():
        assert hint.__metadata__[0].help == texts[name].__metadata__[0]


def test_every_field_of_a_model_is_an_option() -> None:
    options = model_options(Sizes)
    assert parsed(options) == {name: each.default for name, each in Sizes.field_types().items()}
    found = parsed(options, "--width", "9", "--sizes", "5", "6", "7", "--no-gate", "--kind", "other")
    assert (found["width"], found["sizes"], found["gate"]) == (9, (5, 6, 7), False)
    assert (found["kind"], found["names"]) == ("other", {"a": 1})
    assert Sizes(**found).fields == found


def test_a_field_that_is_called_like_an_option_gives_way() -> None:
    assert (field_option("epochs"), field_option("labels"), field_option("width")) == (
        "model-epochs",
        "model-labels",
        "width",
    )
    assert parsed(model_options(Sizes), "--model-epochs", "8")["epochs"] == 8
    assert {each.name for each in dataclasses.fields(Settings)} < TAKEN


@pytest.mark.parametrize("words", [["train"], ["train", f"{__name__}:Sizes"]], ids=["recipe", "program"])
def test_every_option_of_training_is_one_that_a_field_gives_way_to(words: list[str]) -> None:
    """Of two options of one name tyro tells by an assertion, which no user could read."""
    command = train_command(words) if words[1:] == [] else program_command(words)
    named = set(signature(command).parameters) - {"run", "settings", "fields"}
    assert named | {each.name for each in dataclasses.fields(RunOptions)} <= TAKEN


def test_a_default_that_can_change_is_not_shared() -> None:
    one, other = (values_of(model_options(Sizes)())["names"] for _ in range(2))
    assert one == other == Sizes.names
    assert one is not other
    assert one is not Sizes.names
