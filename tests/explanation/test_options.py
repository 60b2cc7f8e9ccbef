"""The options of the objective, and the estimators, as the text has them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import unbraid as ub
from tests.explanation.models import Auxiliary, Digits, Faces, Tree
from tests.explanation.test_explain import block
from unbraid.errors import OptionError
from unbraid.explanation import explain
from unbraid.graph import Frame, Spread

FEW: dict[str, Any] = {"digit": [*range(10), -1, -1]}


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def test_eq4_multiplies_the_bound_of_labelled_rows() -> None:
    text = explain(Digits().graph, FEW, supervision="eq4", gamma=0.5)
    assert block(text, "10 rows with digit") == (
        "10 rows with digit observed, weighted by 0.5, maximise\n"
        "    q(digit | x) · [\n"
        "        E_q(style | x, digit)[ log p(x | digit, style) ]\n"
        "      + log p(digit)\n"
        "      − log q(digit | x)\n"
        "      − KL(q(style | x, digit) ‖ p(style))\n"
        "    ]"
    )
    assert block(text, "2 rows") == block(explain(Digits().graph, FEW), "2 rows")
    assert "Warning: supervision='eq4' multiplies the bound of rows with digit observed by q(digit | x)" in in_one_line(
        text
    )
    assert "alpha has no part in it" in in_one_line(text)
    assert "trained by the log q term alone" not in in_one_line(text)
    assert "Warning" not in explain(Digits().graph, supervision="eq4")


def test_eq4_has_the_exponential_of_an_expected_score() -> None:
    text = explain(Auxiliary().graph, {"digit": [3]}, supervision="eq4", samples=5)
    assert "    exp( E_q(a | x, digit)[ log q(digit | x, a) ] ) · [\n" in block(text, "1 row")
    assert "      − E_q(a | x, digit)[ log q(digit | x, a) ]\n" in block(text, "1 row")
    faces = explain(Faces().graph, {"identity": [1], "lighting": [[0.0, 0.0, 0.0]]}, supervision="eq4")
    assert "    q(identity | x) q(lighting | x) · [\n" in faces


def test_what_eq4_is_said_to_be_is_the_objective() -> None:
    model = Digits().double()
    x, labels = torch.rand(1, 1, 4, 4, dtype=torch.float64).round(), {"digit": torch.tensor([3])}
    found = model.objective(x, labels, supervision="eq4")
    value = {name: float(term.values.detach()) for name, term in found.terms.items()}
    bound = value["log p(x)"] + value["log p(digit)"] - value["log q(digit)"] - value["KL(style)"]
    assert float(found.loss.detach()) == pytest.approx(-torch.tensor(value["log q(digit)"]).exp().item() * bound)


def test_free_bits_stand_around_each_divergence() -> None:
    text = explain(Digits().graph, FEW, free_bits=0.5, beta=2.0)
    assert block(text, "2 rows") == (
        "2 rows without labels maximise\n"
        "    Σ_digit q(digit | x) E_q(style | x, digit)[ log p(x | digit, style) ]\n"
        "  − 2 · max(0.5, KL(q(digit | x) ‖ p(digit)))\n"
        "  − 2 · max(0.5, Σ_digit q(digit | x) KL(q(style | x, digit) ‖ p(style)))\n"
        "  where max(0.5, ·) is of a term's mean over the rows of a batch: so many nats of it cost nothing"
    )
    assert "max(" not in explain(Digits().graph, FEW)


def test_the_importance_bound_is_a_logarithm_of_an_average() -> None:
    text = explain(Digits().graph, FEW, bound="importance", samples=5)
    assert block(text, "2 rows") == (
        "2 rows without labels maximise\n"
        "    Σ_digit q(digit | x) log (1/5) Σ_s\n"
        "      [ p(digit) p(style) p(x | digit, style) / ( q(digit | x) q(style | x, digit) ) ]\n"
        "  where s runs over 5 samples of q(style | x, digit)"
    )
    assert block(text, "10 rows") == (
        "10 rows with digit observed maximise\n"
        "    log (1/5) Σ_s [ p(digit) p(style) p(x | digit, style) / ( q(style | x, digit) ) ]\n"
        "  + 50 · log q(digit | x)\n"
        "  where s runs over 5 samples of q(style | x, digit)"
    )
    assert "costs 50 evaluations of p(x | ·), one with digit observed costs 5." in text


def test_below_a_sample_the_sum_is_inside_the_average() -> None:
    text = explain(Auxiliary().graph, {"digit": [3, -1]}, bound="importance", samples=5)
    inside = block(text, "1 row without labels")
    assert inside.startswith("1 row without labels maximises\n    log (1/5) Σ_s exp( Σ_digit q(digit | x, a) log\n")
    assert "s runs over 5 samples of q(a | x) q(style | x, a, digit)" in inside
    assert "  + 50 · E_q(a | x)[ log q(digit | x, a) ]\n" in block(text, "1 row with digit")
    assert "normalised" not in text
    assert "\n        / ( q(a | x) q(digit | x, a) q(style | x, a, digit) ) ]" in inside


def test_the_importance_bound_without_samples() -> None:
    text = explain(Tree().graph, {"kind": [0], "part": [0], "mark": [0]}, bound="importance")
    assert "    log [ p(kind) p(part | kind) p(mark) p(x | part, mark) ]\n" in text
    assert "    Σ_kind q(kind | x) Σ_part q(part | x, kind) Σ_mark q(mark | x, part) log" in explain(
        Tree().graph, bound="importance"
    )
    assert "Note: with one sample the importance bound is the evidence lower bound" in text


def test_the_importance_bound_of_a_tree_by_hand() -> None:
    """The written sum, evaluated over all values, is the objective's term."""
    model = Tree(seed=1).double().requires_grad_(False)
    x = torch.randn(1, 5, dtype=torch.float64)
    graph, total = model.graph, 0.0
    for kind in range(3):
        for part in range(4):
            for mark in range(2):
                frame: Frame = model.frame(x)
                for name, value in (("kind", kind), ("part", part), ("mark", mark)):
                    size = graph.latents[name].family.event_shape[0]
                    frame = frame.fix(name, Spread(torch.eye(size, dtype=torch.float64)[value][None]))
                q = sum(float(frame.score(node, frame[node]).tensor) for node in graph.latents.values())
                p = sum(
                    float(frame.score(graph.factors[name], frame[node]).tensor) for name, node in graph.latents.items()
                )
                p += float(frame.score(graph.likelihood, Spread(x)).tensor)
                total += torch.tensor(q).exp().item() * (p - q)
    found = model.objective(x, bound="importance").terms["importance bound"].values
    assert float(found) == pytest.approx(total)


def test_a_relaxed_sample_is_written_as_such() -> None:
    text = explain(Digits().graph, FEW, estimators={"digit": "gumbel(temperature=0.5)"})
    assert block(text, "2 rows") == (
        "2 rows without labels maximise\n"
        "    E_q(~digit | x) E_q(style | x, ~digit)[ log p(x | ~digit, style) ]\n"
        "  − KL(q(digit | x) ‖ p(digit))\n"
        "  − E_q(~digit | x)[ KL(q(style | x, ~digit) ‖ p(style)) ]\n"
        "  where ~digit is a relaxed sample of q(digit | x): softmax((log q + Gumbel noise) / 0.5)"
    )
    assert "~" not in block(text, "10 rows")
    assert "where observed, q(digit | x) is trained" in in_one_line(text)
    cooled = in_one_line(explain(Digits().graph, estimators={"digit": "gumbel(start=2)"}))
    assert "softmax((log q + Gumbel noise) / T), T from 2 to 0.66 in training" in cooled
    latex = explain(Digits().graph, estimators={"digit": "gumbel"}, latex=True)
    assert r"p(x \mid \tilde{\mathit{digit}}, \mathit{style})" in latex


@pytest.mark.parametrize(
    ("estimator", "treated", "note", "cost"),
    [
        ("gumbel", "gumbel", "the children of digit see relaxed one-hot samples: biased", 1),
        ("gumbel(hard=true)", "gumbel(hard=true)", "one-hot samples with the gradient of relaxed ones", 1),
        (
            "reinforce(samples=1)",
            "reinforce(samples=1)",
            "see one sample, and q(digit) learns by the score function",
            1,
        ),
        ("reinforce(samples=4)", "reinforce(samples=4)", "see 4 samples, and q(digit) learns by the score function", 4),
        (
            "sum_and_sample(k=3)",
            "sum_and_sample(k=3)",
            "see its 3 most probable values and one sample of the others",
            4,
        ),
        ("sum_and_sample(k=1)", "sum_and_sample(k=1)", "see its most probable value and one sample of the others", 2),
        ("sum_and_sample(k=10)", "enumerate × 10", "", 10),
        ("plug_in", "plug-in", "to plug in the mean of digit is biased", 1),
    ],
)
def test_what_children_see_and_what_it_costs(estimator: str, treated: str, note: str, cost: int) -> None:
    text = in_one_line(explain(Digits().graph, estimators={"digit": estimator}))
    assert f"{treated} (chosen)" in text
    assert note in text
    assert f"costs {cost} evaluation" in text
    assert ("Note" in text) == bool(note)


def test_a_label_below_one_of_several_values_reweights_it() -> None:
    several = in_one_line(explain(Tree().graph, {"part": [1]}, estimators={"kind": "reinforce(samples=4)"}))
    assert "over 4 samples of q(kind | x), weighted by q(part | x, kind), normalised" in several
    assert "Warning: with one sample" not in several
    one = in_one_line(explain(Tree().graph, {"part": [1]}, estimators={"kind": "reinforce(samples=1)"}))
    assert "Warning: with one sample its weight is 1" in one


def test_options_that_the_objective_refuses_are_refused() -> None:
    with pytest.raises(OptionError, match="bound='importance' weighs whole samples"):
        explain(Digits().graph, bound="importance", beta=2.0)
    with pytest.raises(OptionError, match="free_bits must be at least 0"):
        Digits().explain(free_bits=-1.0)
    assert ub.Model.explain(Digits(), bound="importance")
