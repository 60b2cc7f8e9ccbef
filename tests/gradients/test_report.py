"""The text of a report, exactly."""

from __future__ import annotations

import math

import pytest

from unbraid.gradients import GradientReport, Row

FAKE = GradientReport(
    rows=(
        Row("enumerate", "all parameters", -0.0001, 0.0003, 0.125, 1.0, 0.98, 12.34),
        Row("plug_in", "all parameters", 0.25, 0.01, 12.5, math.nan, 0.5, 3.0),
        Row("enumerate", "p", 0.0, 0.0, 0.0, 1.0, 1.0, 12.34),
        Row("plug_in", "p", 0.09, 0.0, 2.0, 0.9, 0.25, 3.0),
    ),
    variables=("digit",),
    batch=100,
    repeats=200,
    exact_se=0.0123,
)

TEXT = """\
Gradients of the objective of 100 rows, by the estimator of digit; lengths are in units of the exact
gradient's, the mean of 200 enumerations (± 0.012). A bias behind < is not told from 0.

all parameters  relative bias  standard deviation  cosine of the mean  cosine of one  ms a step
enumerate             < 0.030               0.125               1.000          0.980       12.3
plug_in         0.500 ± 0.010                12.5                   –          0.500        3.0

p               relative bias  standard deviation  cosine of the mean  cosine of one  ms a step
enumerate                   0               0.000               1.000          1.000       12.3
plug_in         0.300 ± 0.000               2.000               0.900          0.250        3.0"""


def test_the_text() -> None:
    assert str(FAKE) == TEXT


def test_markdown_has_the_same_cells() -> None:
    lines = FAKE.markdown().splitlines()
    assert lines[0] == " ".join(TEXT.splitlines()[:2])
    assert lines[2:6] == [
        "| all parameters | relative bias | standard deviation | cosine of the mean | cosine of one | ms a step |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| enumerate | < 0.030 | 0.125 | 1.000 | 0.980 | 12.3 |",
        "| plug_in | 0.500 ± 0.010 | 12.5 | – | 0.500 | 3.0 |",
    ]


def test_a_bias_is_the_root_of_its_square() -> None:
    none, some = FAKE.of().values()
    assert (none.seen, none.bias) == (False, 0.0)
    assert none.bias_below == pytest.approx(0.03)
    assert (some.seen, some.bias) == (True, 0.5)
    assert some.bias_se == pytest.approx(math.sqrt(0.26) - 0.5)
