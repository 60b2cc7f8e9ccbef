"""Consistency between views, by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import TwoDiscrete
from tests.training.small import STATEFUL, Small, same, same_end, train, weights
from unbraid.training.consistency import KEPT, Consistency

GUIDE = torch.tensor([[4.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 3.0], [1.0, 0.9, 0.0]])
VIEW = torch.tensor([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, -1.0], [0.5, 0.0, 0.0]])
LABELS = {"digit": torch.tensor([-1, 2, -1, -1])}


class Direct(ub.Model):
    """The rows are the log-odds of q(digit | x); the prior of the digit is not uniform."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(3, probs=[0.5, 0.25, 0.25])(logits=x)}

    def decode(self, digit: Any) -> Any:
        return ub.Normal(3)(digit)


class Skewed(ub.Model):
    """The same, with a prior that is learned."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(3, logits=ub.Learnable(0.0))(logits=x)}

    def decode(self, digit: Any) -> Any:
        return ub.Normal(3)(digit)


class Child(ub.Model):
    """The same, where another latent decides about the prior."""

    def encode(self, x: Any) -> Any:
        return {"digit": ub.Categorical(3)(logits=x), "hand": ub.Normal(1)(x)}

    def prior(self, hand: Any) -> Any:
        return {"digit": ub.Categorical(3)(hand)}

    def decode(self, digit: Any, hand: Any) -> Any:
        return ub.Normal(3)(digit, hand)


def by_hand(mean: Tensor, threshold: float) -> tuple[Tensor, Tensor, Tensor]:
    """Computes the running mean, the losses of labelled rows and those of the others."""
    probs = torch.softmax(GUIDE, 1)
    mean = KEPT * mean + (1 - KEPT) * probs.mean(0)
    aligned = probs * torch.tensor([0.5, 0.25, 0.25]) / mean
    aligned = aligned / aligned.sum(1, keepdim=True)
    log_q = torch.log_softmax(VIEW, 1)
    supervised, consistent = torch.zeros(4), torch.zeros(4)
    supervised[1] = -log_q[1, 2]
    for row in (0, 2, 3):
        if aligned[row].max() >= threshold:
            consistent[row] = -log_q[row, aligned[row].argmax()]
    return mean, supervised, consistent


def test_losses_by_hand() -> None:
    consistency, model = Consistency(Direct(), ["digit"], 0.8), Direct()
    mean = torch.tensor([0.5, 0.25, 0.25])
    for _ in range(3):  # the mean runs on
        mean, supervised, consistent = by_hand(mean, 0.8)
        found = consistency.losses(model, GUIDE, VIEW, LABELS)
        assert torch.allclose(found[0]["digit"], supervised)
        assert torch.allclose(found[1]["digit"], consistent)
        assert torch.allclose(consistency.means["digit"], mean)
    assert (consistent > 0).tolist() == [True, False, True, False]  # a label is no guess, and row 3 is not sure
    _, _, everything = by_hand(torch.tensor([0.5, 0.25, 0.25]), 0.0)
    found = Consistency(Direct(), ["digit"], 0.0).losses(model, GUIDE, VIEW, LABELS)
    assert torch.allclose(found[1]["digit"], everything)
    assert (everything > 0).tolist() == [True, False, True, True]


def test_alignment_holds_a_class_back_that_takes_over() -> None:
    consistency = Consistency(Direct(), ["digit"], 0.0)
    consistency.means["digit"] = torch.tensor([0.98, 0.01, 0.01])
    unsure = torch.tensor([[1.0, 0.9, 0.0]])
    found = consistency.losses(Direct(), unsure, VIEW[:1], {})[1]["digit"]
    assert torch.allclose(found, -torch.log_softmax(VIEW[:1], 1)[:, 1])  # and not the class 0 of the largest logit


def test_alignment_follows_the_prior_as_it_is_learned() -> None:
    """The averaged model's prior counts, not where it started, nor the student's."""
    teacher, student = Skewed(), Skewed()
    consistency = Consistency(student, ["digit"], 0.0)
    assert torch.allclose(consistency.means["digit"], torch.full((3,), 1 / 3))
    with torch.no_grad():
        teacher.frame(None).parameters(teacher.graph.factors["digit"])["logits"].tensor.copy_(
            torch.tensor([[0.1, 0.8, 0.1]]).log()
        )
    unsure = torch.tensor([[1.0, 0.9, 0.0]])
    found = consistency.losses(teacher, unsure, VIEW[:1], {})[1]["digit"]
    assert torch.allclose(found, -torch.log_softmax(VIEW[:1], 1)[:, 1])
    started = consistency.losses(student, unsure, VIEW[:1], {})[1]["digit"]
    assert torch.allclose(started, -torch.log_softmax(VIEW[:1], 1)[:, 0])


def test_what_p_gives_parents_is_not_aligned() -> None:
    consistency, model = Consistency(Child(), ["digit"], 0.0), Child()
    assert not consistency.means
    found = consistency.losses(model, GUIDE, VIEW, {})[1]["digit"]
    assert torch.allclose(found, -torch.log_softmax(VIEW, 1)[range(4), GUIDE.argmax(1)])


def test_only_the_student_gets_a_gradient() -> None:
    guide, view = GUIDE.clone().requires_grad_(), VIEW.clone().requires_grad_()
    supervised, consistent = Consistency(Direct(), ["digit"], 0.0).losses(Direct(), guide, view, LABELS)
    (supervised["digit"].sum() + consistent["digit"].sum()).backward()
    assert guide.grad is None
    assert view.grad is not None
    assert (view.grad.abs().sum(1) > 0).all()


def test_a_label_is_what_the_children_see() -> None:
    """In a model with two latents, `sort` is asked for at the label of `kind`, for the row and for its view."""
    model = TwoDiscrete()
    x, view = torch.rand(6, 5), torch.rand(6, 5)
    kind = torch.tensor([0, 1, 2, 0, 1, 2])
    _, consistent = Consistency(model, ["sort"], 0.0).losses(model, x, view, {"kind": kind})
    guess = model.predict(x, kind=kind)["sort"]
    wanted = -model.infer(view, kind=kind)["sort"].log_prob(guess)
    assert torch.allclose(consistent["sort"], wanted, atol=1e-6)


def test_a_real_latent_takes_the_whole_distribution() -> None:
    model, teacher = Small(drop=0.0), Small(drop=0.0, seed=1)
    x, view = torch.rand(5, 1, 28, 28), torch.rand(5, 1, 28, 28)
    labels = {"digit": torch.tensor([0, 1, 2, 3, 4])}
    _, consistent = Consistency(model, ["style"], 0.9).losses(teacher, x, view, labels)
    digit = labels["digit"]
    target, found = teacher.infer(x, digit=digit)["style"], model.infer(view, digit=digit)["style"]
    assert torch.allclose(consistent["style"], torch.distributions.kl_divergence(target, found), rtol=1e-4)


@pytest.mark.parametrize("own", [True, False])
def test_the_teacher_has_no_dropout_and_the_student_has(own: bool) -> None:
    student = Small(drop=0.9, hidden=64).train()
    teacher = student if own else copy.deepcopy(student).eval()
    x, labels = torch.rand(8, 1, 28, 28), {"digit": torch.full((8,), 3)}
    consistency = Consistency(student, ["digit"], 0.0)
    one, other = (consistency.losses(teacher, x, x, labels)[0]["digit"] for _ in range(2))
    assert not torch.equal(one, other)  # dropout of the student
    fresh = [Consistency(student, ["digit"], 0.0) for _ in range(2)]
    for each in fresh:
        each.losses(teacher, x, x, labels)
    assert torch.equal(fresh[0].means["digit"], fresh[1].means["digit"])
    assert student.training
    assert teacher.training == own


def test_consistency_is_off_unless_asked_for() -> None:
    plain = train()
    assert same_end(plain, train(views=STATEFUL["views"]))  # views alone change nothing
    assert "consistency(digit)" not in plain.history[0]["terms"]
    run = train(views=STATEFUL["views"], consistency=1.0, threshold=0.1)
    assert "consistency(digit)" in run.history[0]["terms"]
    assert "log q(digit | view)" in run.history[0]["terms"]
    assert not same(weights(plain.model), weights(run.model))


def test_nothing_labelled_leaves_nothing_to_be_consistent() -> None:
    run = train(None, views=STATEFUL["views"], consistency=1.0)
    assert same_end(run, train(None))
