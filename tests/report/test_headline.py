"""The headline numbers."""

from __future__ import annotations

from unbraid.report.headline import Headline, headlines

DIGIT = {"error": 0.0229, "error_ci": [0.0201, 0.026], "n": 10_000}


def test_an_error_stands_beside_its_baseline() -> None:
    (found,) = headlines({"test": {"digit": DIGIT}, "baseline": {"digit": {"error": 0.21}}})
    assert found == Headline(
        "Test error of digit",
        "2.29 %",
        "95 % interval 2.01 % to 2.60 %, 10\u202f000 rows",
        "21.00 % for the same recogniser, trained on the labelled rows alone",
    )


def test_validation_stands_in_for_test() -> None:
    assert headlines({"validation": {"digit": DIGIT}})[0].title == "Validation error of digit"
    assert headlines({"validation": {"digit": DIGIT}, "test": {"digit": DIGIT}})[0].title == "Test error of digit"


def test_real_values_and_the_bound() -> None:
    bound = {"bound": -91.234, "se": 0.31, "samples": 100, "n": 500}
    first, second = headlines({"test": {"light": {"rmse": 0.51234, "n": 9}}, "bound": bound})
    assert (first.value, first.detail, first.beside) == ("0.512", "9 rows", "")
    assert (second.value, second.detail) == (
        "≥ −91.23 nats", "standard error 0.31, 100 importance samples, 500 rows",
    )  # fmt: skip


def test_items_that_the_model_finds_nowhere_have_no_distance() -> None:
    (found,) = headlines({"test": {"events.size": {"n": 0}}})
    assert (found.title, found.value) == ("Test root mean squared error of events.size", "not measured")
    assert found.detail == "none of the labelled steps is predicted"


def test_nothing_measured() -> None:
    assert headlines({}) == []
