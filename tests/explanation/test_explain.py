"""The whole text, and its parts for each kind of model."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.explanation.models import Against, Auxiliary, Digits, Faces, Tree
from unbraid.errors import DataError, OptionError
from unbraid.explanation import explain

DIGITS = """\
q(digit | x) q(style | x, digit)
p(digit) p(style) p(x | digit, style)

59,900 rows without labels maximise
    Σ_digit q(digit | x) E_q(style | x, digit)[ log p(x | digit, style) ]
  − KL(q(digit | x) ‖ p(digit))
  − Σ_digit q(digit | x) KL(q(style | x, digit) ‖ p(style))

100 rows with digit observed maximise
    E_q(style | x, digit)[ log p(x | digit, style) ]
  + log p(digit)
  + 50 · log q(digit | x)
  − KL(q(style | x, digit) ‖ p(style))

variable  family              prior           observed     where unobserved          terms
digit     Categorical(10)     uniform         100 rows     enumerate × 10 (default)  KL, log p, log q
style     Normal(50)          loc 0, scale 1  no row       sampled × 1               KL
x         Bernoulli(1, 4, 4)                  60,000 rows                            log p

One row without labels costs 10 evaluations of p(x | ·), one with digit observed costs 1.

Note: where observed, q(digit | x) is trained by the log q term alone, whose weight is alpha = 50.
  The other terms are not multiplied by q of the label, as Eq. 4 of Siddharth et al. (2017) in its
  first version has it: where they add up to a negative number, as for images of binary pixels,
  ascent would drive q of the right label to 0."""


def few() -> Any:
    labels = np.full(60_000, -1)
    labels[:100] = np.arange(100) % 10
    return labels


def block(text: str, start: str) -> str:
    """Returns the part of a text that starts so."""
    return next(part for part in text.split("\n\n") if part.startswith(start))


def test_the_whole_text_for_the_papers_model() -> None:
    assert explain(Digits().graph, {"digit": few()}) == DIGITS
    assert Digits().explain({"digit": few()}) == DIGITS


def test_without_labels_there_are_only_rows_without_labels() -> None:
    text = explain(Digits().graph)
    assert "Rows without labels maximise\n" in text
    assert "observed maximise" not in text
    assert "Note" not in text
    assert "1,000 rows without labels maximise" in explain(Digits().graph, rows=1000)
    assert explain(Digits().graph, {}) == text


def test_weights_stand_before_their_terms() -> None:
    text = explain(Digits().graph, {"digit": few()}, alpha=1.0, beta=4.0, gamma=0.5)
    assert "100 rows with digit observed, weighted by 0.5, maximise" in text
    assert "  + log q(digit | x)\n" in text
    assert "  − 4 · KL(q(style | x, digit) ‖ p(style))" in text
    assert "59,900 rows without labels maximise" in text


def test_a_mean_that_is_plugged_in_is_written_as_such() -> None:
    text = explain(Digits().graph, {"digit": few()}, estimators={"digit": "plug_in"}, samples=5)
    assert block(text, "59,900") == (
        "59,900 rows without labels maximise\n"
        "    E_q(style | x, ρ_digit)[ log p(x | ρ_digit, style) ]\n"
        "  − KL(q(digit | x) ‖ p(digit))\n"
        "  − KL(q(style | x, ρ_digit) ‖ p(style))\n"
        "  where digit is replaced by its mean ρ_digit = q(digit | x)"
    )
    assert "ρ" not in block(text, "100 rows")
    assert "plug-in (chosen)" in text
    assert "sampled × 5" in text
    assert "costs 5 evaluations of p(x | ·), one with digit observed costs 5." in text
    assert "Note: to plug in the mean of digit is biased" in text


def test_each_pattern_of_labels_has_its_formula() -> None:
    lighting = np.full((8, 3), np.nan)
    lighting[:4] = 0.5
    labels = {"lighting": lighting, "identity": [0, 1, 2, 3, 4, 5, -1, None]}
    text = explain(Faces().graph, labels)
    starts = [part.split("\n")[0] for part in text.split("\n\n")[1:4]]
    assert starts == [
        "2 rows without labels maximise",
        "2 rows with identity observed maximise",
        "4 rows with identity and lighting observed maximise",
    ]
    assert block(text, "2 rows with identity") == (
        "2 rows with identity observed maximise\n"
        "    E_q(lighting | x) E_q(shading | identity, lighting) E_q(reflectance | x)\n"
        "      [ log p(x | identity, lighting, shading, reflectance) ]\n"
        "  + log p(identity)\n"
        "  + 50 · log q(identity | x)\n"
        "  − KL(q(lighting | x) ‖ p(lighting))\n"
        "  − E_q(lighting | x)[ KL(q(shading | identity, lighting) ‖ p(shading)) ]\n"
        "  − KL(q(reflectance | x) ‖ p(reflectance))"
    )
    assert "one with identity and lighting observed costs 1" in " ".join(text.split())


def test_a_label_below_a_sampled_latent_reweights_it() -> None:
    text = explain(Auxiliary().graph, {"digit": [3]}, samples=5)
    assert block(text, "1 row") == (
        "1 row with digit observed maximises\n"
        "    E_q(a | x, digit) E_q(style | x, a, digit)[ log p(x | digit, style) ]\n"
        "  − E_q(a | x, digit) E_q(style | x, a, digit)[ log q(a | x) − log p(a | x, digit, style) ]\n"
        "  + log p(digit)\n"
        "  + 50 · E_q(a | x, digit)[ log q(digit | x, a) ]\n"
        "  − E_q(a | x, digit)[ KL(q(style | x, a, digit) ‖ p(style)) ]\n"
        "  where q(a | x, digit) ∝ q(a | x) q(digit | x, a), over 5 samples of q(a | x), weighted by\n"
        "    q(digit | x, a), normalised"
    )
    assert "given x, digit, style" in text
    assert "Warning: with one sample" not in text
    assert "trained by the log q term alone" not in text
    single = explain(Auxiliary().graph, {"digit": [3]})
    assert "Warning: with one sample its weight is 1" in single
    assert "where observed, q(digit | x, a) is trained by the log q term alone" in " ".join(single.split())


def test_a_divergence_without_closed_form_is_written_as_an_expectation() -> None:
    assert block(explain(Auxiliary().graph), "Rows") == (
        "Rows without labels maximise\n"
        "    E_q(a | x) Σ_digit q(digit | x, a) E_q(style | x, a, digit)[ log p(x | digit, style) ]\n"
        "  − E_q(a | x) Σ_digit q(digit | x, a) E_q(style | x, a, digit)\n"
        "      [ log q(a | x) − log p(a | x, digit, style) ]\n"
        "  − E_q(a | x)[ KL(q(digit | x, a) ‖ p(digit)) ]\n"
        "  − E_q(a | x) Σ_digit q(digit | x, a) [ KL(q(style | x, a, digit) ‖ p(style)) ]"
    )


def test_a_label_below_an_enumerated_latent_is_summed_exactly() -> None:
    text = explain(Tree().graph, {"part": [0, 1, 2, 3, -1]})
    assert block(text, "4 rows") == (
        "4 rows with part observed maximise\n"
        "    Σ_mark q(mark | x, part) log p(x | part, mark)\n"
        "  − Σ_kind q(kind | x, part) [ log q(kind | x) − log p(kind) ]\n"
        "  + Σ_kind q(kind | x, part) log p(part | kind)\n"
        "  + 50 · Σ_kind q(kind | x, part) log q(part | x, kind)\n"
        "  − KL(q(mark | x, part) ‖ p(mark))\n"
        "  where q(kind | x, part) ∝ q(kind | x) q(part | x, kind), summed exactly"
    )


def test_several_latents_above_a_label_are_reweighted_together() -> None:
    assert block(explain(Tree().graph, {"mark": [0, 1]}), "2 rows") == (
        "2 rows with mark observed maximise\n"
        "    Σ_kind,part q(kind, part | x, mark) log p(x | part, mark)\n"
        "  − Σ_kind q(kind | x, mark) [ log q(kind | x) − log p(kind) ]\n"
        "  − Σ_kind,part q(kind, part | x, mark) [ log q(part | x, kind) − log p(part | kind) ]\n"
        "  + log p(mark)\n"
        "  + 50 · Σ_kind,part q(kind, part | x, mark) log q(mark | x, part)\n"
        "  where q(kind, part | x, mark) ∝ q(kind | x) q(part | x, kind) q(mark | x, part), summed exactly"
    )


def test_structured_priors_are_described() -> None:
    text = explain(Tree().graph)
    assert "logits learned" in text
    assert "given kind" in text
    against = explain(Against().graph)
    assert "logits fixed" in against
    assert "given part, mark" in against
    assert "− Σ_kind q(kind | x) Σ_part q(part | x) Σ_mark q(mark | kind, part)" in " ".join(against.split())


def test_an_estimator_is_chosen_beside_the_program_or_in_it() -> None:
    text = explain(Against().graph, estimators={"mark": "plug_in"})
    assert "enumerate × 3 (chosen)" in text
    assert "enumerate × 4 (default)" in text
    assert "plug-in (chosen)" in text


def test_a_class_without_a_labelled_row_is_named() -> None:
    assert "Warning: class 9 of digit has no labelled row" in explain(Digits().graph, {"digit": list(range(9))})
    text = explain(Digits().graph, {"digit": [0, 1, -1]})
    assert "Warning: 8 classes of digit (2, 3, 4, 5, 6, …) have no labelled row" in text
    assert "Warning" not in explain(Digits().graph, {"digit": list(range(10))})


def test_alpha_of_zero_is_warned_of() -> None:
    text = explain(Digits().graph, {"digit": few()}, alpha=0.0)
    assert "Warning: alpha is 0, so rows with digit observed do not train q(digit | x)." in text
    assert "Warning" not in explain(Digits().graph, {"digit": few()}, alpha=0.1)


@pytest.mark.parametrize("convert", [np.asarray, torch.as_tensor, list])
def test_labels_come_in_any_form(convert: Any) -> None:
    assert explain(Digits().graph, {"digit": convert(few().tolist())}) == DIGITS


def test_latex_gives_the_formulas() -> None:
    style = r"q(\mathit{style} \mid x, \mathit{digit})"
    likelihood = r"      \left[ \log p(x \mid \mathit{digit}, \mathit{style}) \right] \\"
    divergence = rf"\mathrm{{KL}}\left({style} \,\middle\Vert\, p(\mathit{{style}})\right)"
    assert explain(Digits().graph, {"digit": few()[95:102]}, latex=True).splitlines() == [
        r"\begin{align*}",
        rf"  & q(\mathit{{digit}} \mid x) \, {style} \\",
        r"  & p(\mathit{digit}) \, p(\mathit{style}) \, p(x \mid \mathit{digit}, \mathit{style})",
        r"\end{align*}",
        r"2 rows without labels maximise",
        r"\begin{align*}",
        rf"  & \sum_{{\mathit{{digit}}}} q(\mathit{{digit}} \mid x) \, \mathbb{{E}}_{{{style}}}",
        likelihood,
        r"  & - \mathrm{KL}\left(q(\mathit{digit} \mid x) \,\middle\Vert\, p(\mathit{digit})\right) \\",
        rf"  & - \sum_{{\mathit{{digit}}}} q(\mathit{{digit}} \mid x) \, {divergence}",
        r"\end{align*}",
        r"5 rows with $\mathit{digit}$ observed maximise",
        r"\begin{align*}",
        rf"  & \mathbb{{E}}_{{{style}}}",
        likelihood,
        r"  & + \log p(\mathit{digit}) \\",
        r"  & + 50 \cdot \log q(\mathit{digit} \mid x) \\",
        rf"  & - {divergence}",
        r"\end{align*}",
    ]


@pytest.mark.parametrize(
    ("labels", "options", "error", "message"),
    [
        ({"digits": [1]}, {}, DataError, "Did you mean 'digit'"),
        ({"digit": [1, 10]}, {}, DataError, "10 classes"),
        ({"digit": [1, 2]}, {"rows": 3}, DataError, "2 labels, but the data have 3 rows"),
        ({"digit": [1], "style": np.zeros((2, 50))}, {}, DataError, "'style' has 2 labels"),
        ({"digit": 3}, {}, DataError, "'digit' has no labels"),
        (None, {"estimators": {"style": "enumerate"}}, OptionError, "only discrete variables"),
    ],
)
def test_what_does_not_fit_is_refused(labels: Any, options: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        explain(Digits().graph, labels, **options)
    assert explain(Digits().graph, {"digit": [1, 2, 3]}, rows=3)
