"""alpha, beta, gamma and free bits on numbers small enough to compute by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from unbraid.errors import OptionError
from unbraid.graph.spread import Spread
from unbraid.objectives import Options
from unbraid.objectives.terms import Terms
from unbraid.objectives.total import maximised


def terms() -> dict[str, Tensor]:
    return {
        "log p(x)": torch.tensor([-10.0, -12.0]),
        "log p(digit)": torch.tensor([-2.0, -2.0]),
        "log q(digit)": torch.tensor([-0.5, -1.5]),
        "KL(style)": torch.tensor([1.0, 3.0]),
        "KL(size)": torch.tensor([0.25, 0.15]),
    }


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (Options(alpha=0.0), [-13.25, -17.15]),  # -10 - 2 - 1 - 0.25 and -12 - 2 - 3 - 0.15
        (Options(alpha=2.0), [-14.25, -20.15]),
        (Options(alpha=0.0, beta=4.0), [-17.0, -26.6]),  # -12 - 4 * 1.25 and -14 - 4 * 3.15
        (Options(alpha=0.0, beta=0.0), [-12.0, -14.0]),
        # a mean of 2 nats is above 0.5 and costs that mean; one of 0.2 is below and costs 0.5, whatever it is
        (Options(alpha=0.0, free_bits=0.5), [-14.5, -16.5]),
        (Options(alpha=0.0, free_bits=5.0), [-22.0, -24.0]),
        (Options(alpha=2.0, beta=2.0, free_bits=0.5), [-18.0, -22.0]),  # -12 - 1 - 5 and -14 - 3 - 5
    ],
)
def test_what_is_maximised(options: Options, wanted: list[float]) -> None:
    torch.testing.assert_close(maximised(terms(), None, options), torch.tensor(wanted))


def test_eq4_by_hand() -> None:
    """exp(-0.5) (-13.25 + 0.5) and exp(-1.5) (-17.15 + 1.5)."""
    found = maximised(terms(), torch.tensor([-0.5, -1.5]), Options(supervision="eq4"))
    torch.testing.assert_close(found, torch.tensor([-7.733266, -3.491987]))


def test_what_is_free_has_no_gradient() -> None:
    below, above = torch.tensor([0.2, 0.4], requires_grad=True), torch.tensor([0.2, 2.0], requires_grad=True)
    values = {"log p(x)": torch.zeros(2), "KL(a)": below, "KL(b)": above}
    maximised(values, None, Options(free_bits=0.5, beta=3.0)).sum().backward()
    assert below.grad is not None
    assert above.grad is not None
    assert below.grad.tolist() == [0.0, 0.0]
    assert above.grad.tolist() == [-3.0, -3.0]


class Halves(ub.Model):
    """Factors of which every number is known: q and p of the digit are uniform, each pixel costs log 2."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(4)(logits=0.0), "style": ub.Normal(1)(loc=1.0, scale=1.0)}

    def decode(self, digit: Any) -> Any:
        return ub.Bernoulli(2)(logits=0.0 * digit[:, :2])


def test_gamma_weighs_rows_with_a_label_in_the_mean_over_all_rows() -> None:
    """log 2 is a pixel, 2 log 2 the digit's prior and its q, 1/2 nat the style."""
    x, digit, bit = torch.ones(4, 2), torch.tensor([0, -1, -1, -1]), torch.log(torch.tensor(2.0))
    result = Halves().objective(x, {"digit": digit}, alpha=3.0, beta=2.0, gamma=0.1)
    unlabelled = -2 * bit - 2 * 0.5  # no divergence of the digit
    labelled = -2 * bit - 2 * bit - 2 * 0.5 + 3 * (-2 * bit)
    torch.testing.assert_close(result.loss, -(3 * unlabelled + 0.1 * labelled) / 4)
    assert result.terms["KL(style)"].values.tolist() == [0.5] * 4
    assert result.terms["KL(digit)"].values.tolist() == [0.0] * 3


def test_free_bits_are_a_mean_over_rows_with_the_same_labels() -> None:
    """The style costs 1/2 nat in every row: 0.7 are charged in each, labelled or not, before gamma."""
    x, digit, bit = torch.ones(4, 2), torch.tensor([0, -1, -1, -1]), torch.log(torch.tensor(2.0))
    result = Halves().objective(x, {"digit": digit}, alpha=0.0, gamma=0.1, free_bits=0.7)
    unlabelled, labelled = -2 * bit - 0.7 - 0.7, -4 * bit - 0.7  # the digit's 0 nats cost 0.7 where it is not labelled
    torch.testing.assert_close(result.loss, -(3 * unlabelled + 0.1 * labelled) / 4)


# Weights of zero, and labels that cannot be.


def test_a_batch_without_weight_is_refused() -> None:
    model, x = Halves(), torch.ones(3, 2)
    with pytest.raises(OptionError, match=r"gamma=0 gives rows with a label no weight, and every row .* Raise gamma"):
        model.objective(x, {"digit": torch.tensor([0, 1, 3])}, gamma=0.0)
    mixed = model.objective(x, {"digit": torch.tensor([0, 1, -1])}, gamma=0.0)
    alone = model.objective(x[2:])
    torch.testing.assert_close(3 * mixed.loss, alone.loss)
    assert mixed.terms["log q(digit)"].values.shape == (2,)
    assert torch.isfinite(model.objective(x, {"digit": torch.tensor([-1, -1, -1])}, gamma=0.0).loss)


class Never(ub.Model):
    """A label that q never gives, below a latent."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(2)(x)
        never = torch.tensor([0.0, -torch.inf])
        return {"kind": kind, "sort": ub.Categorical(2)(logits=kind * 0.0 + never)}

    def decode(self, kind: Any, sort: Any) -> Any:
        return ub.Bernoulli(2)(kind, sort)


@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", "reinforce", "sum_and_sample", "gumbel"])
def test_a_label_that_q_never_gives_is_infinitely_bad_and_not_a_number(estimator: str) -> None:
    """The weights of the latent above would be 0 / 0: they stay those of q, and log q of the label is -inf."""
    model, x = Never(), torch.ones(3, 2)
    chosen = {"kind": estimator, "sort": "enumerate"}
    labels = {"sort": torch.tensor([1, 1, 0])}
    generator = torch.Generator().manual_seed(0)
    result = model.objective(x, labels, estimators=chosen, generator=generator)
    assert result.loss == torch.inf
    assert result.terms["log q(sort)"].values.tolist() == [-torch.inf, -torch.inf, 0.0]
    for name in ("log p(x)", "log p(sort)", "KL(kind)"):
        assert torch.isfinite(result.terms[name].values).all()
    without = model.objective(x, labels, estimators=chosen, alpha=0.0, generator=generator)
    gradients = torch.autograd.grad(without.loss, list(model.parameters()), allow_unused=True)
    assert torch.isfinite(without.loss)
    assert all(torch.isfinite(each).all() for each in gradients if each is not None)


def test_weights_stay_where_no_value_explains_a_label() -> None:
    log_q = torch.log(torch.tensor([[0.25], [0.75]]))
    evidence = Spread(torch.tensor([[-torch.inf, -1.0], [-torch.inf, -torch.inf]]), (0,))
    value = Spread(torch.tensor([[1.0, 1.0], [5.0, 5.0]]), (0,))
    found = Terms({"log p(x)": value}, evidence).expect(Spread(log_q, (0,)), 0)
    torch.testing.assert_close(found.values["log p(x)"].tensor, torch.tensor([4.0, 1.0]))
    assert found.evidence is not None
    torch.testing.assert_close(found.evidence.tensor, torch.tensor([-torch.inf, -1 + log_q[0, 0].item()]))
