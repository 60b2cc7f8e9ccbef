"""Questions to a model: what it refuses, each beside what it takes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch

from tests.models import Auxiliary, Digits, Faces, rows_of
from unbraid.errors import DataError, OptionError

MODEL = Digits()
X = rows_of(MODEL, 5)


@pytest.mark.parametrize("question", ["objective", "predict", "infer", "reconstruct", "log_weights"])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(5, 16), r"x has shape (5, 16); this model takes (rows, 1, 4, 4)."),
        (torch.zeros(1, 4, 4), r"x has shape (1, 4, 4); this model takes (rows, 1, 4, 4)."),
        (torch.zeros(()), r"x has shape (); this model takes (rows, 1, 4, 4)."),
        (
            torch.zeros(5, 1, 4, 4, dtype=torch.uint8),
            r"x is torch.uint8; this model takes floating-point numbers: x.float()",
        ),
        (
            torch.zeros(5, 1, 4, 4, dtype=torch.float64),
            r"x is torch.float64 and the parameters of this model are torch.float32",
        ),
    ],
)
def test_data_of_another_shape_or_type_is_refused(question: str, x: torch.Tensor, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        getattr(MODEL, question)(x)
    assert getattr(MODEL, question)(X) is not None


@pytest.mark.parametrize("question", ["predict", "infer"])
def test_what_is_known_is_a_latent(question: str) -> None:
    with pytest.raises(DataError, match=r"'digitt' is no latent of this model. Did you mean 'digit'\?"):
        getattr(MODEL, question)(X, digitt=3)
    assert getattr(MODEL, question)(X, digit=3)["digit"] is not None


@pytest.mark.parametrize("value", [4, -1, 1.0, torch.tensor([0, 1, 2, 3, 4])])
def test_values_are_in_range(value: int | float | torch.Tensor) -> None:
    with pytest.raises(DataError, match=r"'digit' takes whole numbers from 0 to 3, got"):
        MODEL.predict(X, digit=value)
    assert MODEL.predict(X, digit=3)["digit"].tolist() == [3] * 5


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (torch.zeros(4, 3), r"expected a number or a tensor \(5, 3\)"),
        (torch.zeros(2), r"expected a number or a tensor \(5, 3\)"),
        ("round", r"'style' was given 'round'"),
    ],
)
def test_values_have_rows(value: torch.Tensor | str, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        MODEL.predict(X, style=value)
    for valid in (0.5, torch.zeros(3), torch.zeros(1, 3), torch.zeros(5, 3)):
        assert MODEL.predict(X, style=valid)["style"].shape == (5, 3)


def test_known_values_reach_the_children() -> None:
    by_hand = MODEL.infer(X, digit=2)["style"].mean
    assert not torch.equal(by_hand, MODEL.infer(X, digit=1)["style"].mean)
    torch.testing.assert_close(by_hand, MODEL.predict(X, digit=torch.full((5,), 2))["style"])


def test_generate_needs_every_latent() -> None:
    with pytest.raises(DataError, match=r"generate needs a value for every latent; 'style' is missing"):
        MODEL.generate({"digit": 3})
    with pytest.raises(DataError, match=r"'stile' is no latent of this model. Did you mean 'style'"):
        MODEL.generate({"digit": 3, "stile": torch.zeros(3)})
    with pytest.raises(DataError, match=r"(?s)'style' was given .* expected a number or a tensor \(4, 3\)"):
        MODEL.generate({"digit": torch.zeros(4, dtype=torch.long), "style": torch.zeros(2, 3)})


def test_generate_repeats_numbers_and_single_rows() -> None:
    style = torch.randn(3)
    one = MODEL.generate({"digit": 3, "style": style})
    assert one.shape == (1, 1, 4, 4)
    for values in (
        {"digit": torch.full((6,), 3), "style": style},
        {"digit": 3, "style": style.expand(6, 3)},
        {"digit": torch.tensor([3]), "style": style.expand(6, 3)},
        {"style": style[None], "digit": [3] * 6},
    ):
        torch.testing.assert_close(MODEL.generate(values), one.expand(6, -1, -1, -1))


def test_samples_have_the_factors_set_by_hand() -> None:
    style = torch.randn(2, 3)
    drawn = MODEL.sample(2, digit=1, style=style)
    torch.testing.assert_close(drawn, MODEL.generate({"digit": 1, "style": style}))
    with pytest.raises(DataError, match=r"'digit' takes whole numbers from 0 to 3, got 7"):
        MODEL.sample(2, digit=7)
    with pytest.raises(DataError, match=r"'n' is no latent|is no latent of this model"):
        MODEL.sample(2, colour=7)


def test_samples_of_a_latent_that_x_does_not_need_are_left_out() -> None:
    assert Auxiliary().sample(3).shape == (3, 6)


def test_analogies_set_one_latent() -> None:
    assert MODEL.analogy(X, digit=range(4)).shape == (5, 4, 1, 4, 4)
    assert MODEL.analogy(X, style=[0.0, 1.5]).shape == (5, 2, 1, 4, 4)
    with pytest.raises(DataError, match=r"analogy sets one latent to several values.*got none"):
        MODEL.analogy(X)
    with pytest.raises(DataError, match=r"analogy sets one latent.*got \['digit', 'style'\]"):
        MODEL.analogy(X, digit=[1], style=[0.0])
    with pytest.raises(DataError, match=r"'digits' is no latent of this model. Did you mean 'digit'"):
        MODEL.analogy(X, digits=range(4))
    with pytest.raises(DataError, match=r"'digit' takes whole numbers from 0 to 3, got 4"):
        MODEL.analogy(X, digit=range(5))


@pytest.mark.parametrize("question", ["predict", "infer", "reconstruct", "log_weights", "gradient_report"])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X.clone().index_fill_(0, torch.tensor([3]), torch.nan), "x has NaN or infinite values, first in row 3"),
        (X * 255, r"x has values from 0 to 255; the likelihood .* Divide by 255"),
    ],
)
def test_data_that_the_likelihood_cannot_have_made_are_refused(question: str, x: torch.Tensor, message: str) -> None:
    with pytest.raises(DataError, match=message):
        getattr(MODEL, question)(x)


def test_no_value_set_by_hand_is_missing() -> None:
    style = torch.zeros(5, 3)
    style[2, 1] = torch.nan
    message = r"label of 'style' in row 2 is \[0.0, nan, 0.0\]: .* leave the variable out"
    with pytest.raises(DataError, match=message):
        MODEL.predict(X, style=style)
    with pytest.raises(DataError, match=message):
        MODEL.generate({"digit": 1, "style": style})
    with pytest.raises(DataError, match=r"label of 'style' in row 0 .* leave the variable out"):
        MODEL.sample(2, style=torch.nan)
    with pytest.raises(DataError, match=r"label of 'style' in row 0 .* leave the variable out"):
        MODEL.analogy(X, style=[0.0, torch.nan])


@pytest.mark.parametrize("values", [3, torch.tensor(3), [], None])
def test_an_analogy_needs_values(values: Any) -> None:
    with pytest.raises(DataError, match=r"analogy sets 'digit' to each of several values, a list.*; got"):
        MODEL.analogy(X, digit=values)
    assert MODEL.analogy(X, digit=torch.tensor([3])).shape == (5, 1, 1, 4, 4)


def test_what_is_no_number_is_no_value() -> None:
    for wrong in ("three", None, [None] * 5):
        with pytest.raises(DataError, match=r"(?s)'digit' was given .*; expected a number or a tensor \(rows\)"):
            MODEL.generate({"digit": wrong, "style": 0.0})
    with pytest.raises(DataError, match=r"'digit' was given 't'; expected a number"):
        MODEL.analogy(X, digit="three")


@pytest.mark.parametrize("n", [-1, 2.5, "two", True])
def test_a_number_of_samples_is_a_whole_number(n: Any) -> None:
    with pytest.raises(OptionError, match=rf"n must be a whole number of at least 0, got {n!r}"):
        MODEL.sample(n)
    with pytest.raises(OptionError, match=rf"samples must be a whole number of at least 1, got {n!r}"):
        MODEL.log_weights(X, n)
    assert MODEL.sample(2).shape == (2, 1, 4, 4)


def test_a_misspelt_option_of_a_question() -> None:
    with pytest.raises(OptionError, match=r"gradient_report has no option 'smples'. Did you mean 'samples'\?"):
        MODEL.gradient_report(X, smples=2)
    with pytest.raises(OptionError, match=r"explain has no option 'sample'. Did you mean 'samples'\?"):
        MODEL.explain({"digit": [0, 1, 2, 3]}, sample=2)
    assert "digit" in MODEL.explain({"digit": [0, 1, 2, 3]}, samples=2, latex=True)


@pytest.mark.parametrize("question", ["objective", "predict", "reconstruct", "infer", "log_weights"])
def test_rows_go_where_the_model_is(question: str) -> None:
    """The device is one without numbers, so that any machine has it."""
    elsewhere = Digits().to("meta")
    assert getattr(elsewhere, question)(X) is not None
    assert elsewhere.predict(X, digit=3)["style"].device.type == "meta"
    assert elsewhere.analogy(X, digit=range(4)).shape == (5, 4, 1, 4, 4)


def test_no_rows_give_no_rows() -> None:
    assert MODEL.predict(X[:0])["digit"].shape == (0,)
    assert MODEL.predict(X[:0], digit=2)["style"].shape == (0, 3)
    assert MODEL.reconstruct(X[:0]).shape == (0, 1, 4, 4)
    assert MODEL.sample(0).shape == (0, 1, 4, 4)
    with pytest.raises(DataError, match="the batch has no rows"):
        MODEL.objective(X[:0])


def test_labels_set_by_hand_keep_double_precision() -> None:
    model = Faces().double()
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    assert model.predict(rows_of(model, 1), lighting=third)["lighting"].sub(third).abs().max() == 0


def test_the_latents_are_in_the_order_of_the_recognition_program() -> None:
    assert list(Faces().latents) == ["identity", "lighting", "shading", "reflectance"]
    assert list(Auxiliary().latents) == ["a", "digit", "style"]
    assert MODEL.latents["digit"].cardinality == 4
    assert MODEL.latents["style"].cardinality is None
    assert MODEL.data_shape == (1, 4, 4)
