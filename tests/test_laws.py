"""What holds for every model: one law a test, over the registry of small models."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import FrozenInstanceError
from typing import Any

import pytest
import torch
from torch import Tensor

import unbraid as ub
from tests.models import REGISTRY, labels_of, rows_of

EVERY = pytest.mark.parametrize("cls", REGISTRY.values(), ids=REGISTRY.keys())
ROWS = 6


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@contextmanager
def global_generator_untouched() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    assert torch.equal(torch.get_rng_state(), before)


def most_probable(family: ub.Family, inferred: Any) -> Tensor:
    """Returns what torch's distribution says of a label: the most probable value, of a continuous one the mean."""
    match family:
        case ub.Categorical():
            found: Tensor = inferred.probs.argmax(-1)
        case ub.Bernoulli():
            found = (inferred.mean > 0.5).to(torch.float32 if family.label_shape else torch.int64)
        case ub.Direction():
            found = inferred.mode
        case _:
            found = inferred.mean
    return found


def mixed_loss(model: ub.Model, **options: Any) -> Tensor:
    """A batch in which every latent is labelled in some rows and not in others."""
    x, labels = rows_of(model, 8), labels_of(model, 8, missing=0.5)
    return model.objective(x, labels, generator=seeded(), **options).loss


@EVERY
def test_predictions_have_the_shapes_of_labels(cls: type[ub.Model]) -> None:
    model = cls()
    predicted = model.predict(rows_of(model, ROWS))
    assert list(predicted) == list(model.latents)
    for name, family in model.latents.items():
        assert predicted[name].shape == (ROWS, *family.label_shape)
        assert predicted[name].dtype == (torch.float32 if family.cardinality is None else torch.int64)


@EVERY
def test_what_is_known_is_predicted(cls: type[ub.Model]) -> None:
    model = cls()
    known = labels_of(model, ROWS)
    for name, value in model.predict(rows_of(model, ROWS), **known).items():
        torch.testing.assert_close(value, known[name])


@EVERY
def test_inferred_distributions_have_a_row_each(cls: type[ub.Model]) -> None:
    model = cls()
    x = rows_of(model, ROWS)
    inferred, predicted = model.infer(x), model.predict(x)
    for name, family in model.latents.items():
        assert inferred[name].batch_shape == (ROWS,)
        assert inferred[name].event_shape == family.label_shape
        torch.testing.assert_close(most_probable(family, inferred[name]), predicted[name])


@EVERY
def test_what_is_generated_has_the_shape_of_the_data(cls: type[ub.Model]) -> None:
    model = cls()
    x, shape = rows_of(model, ROWS), model.data_shape
    predicted = model.predict(x)
    assert model.generate(predicted).shape == (ROWS, *shape)
    torch.testing.assert_close(model.reconstruct(x), model.generate(predicted))
    assert model.sample(5, generator=seeded()).shape == (5, *shape)
    name, value = next(iter(predicted.items()))
    values = list(value[:2])
    analogies = model.analogy(x, **{name: values})
    assert analogies.shape == (ROWS, 2, *shape)
    if not model.graph.generated_from(name):  # else see tests/inference/test_analogy.py
        torch.testing.assert_close(analogies[:, 1], model.generate({**predicted, name: values[1]}))


@EVERY
def test_long_batches_are_taken_in_chunks_that_change_nothing(
    cls: type[ub.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = cls()
    x = rows_of(model, ROWS)
    known = dict(list(labels_of(model, ROWS).items())[:1])
    whole, picture = model.predict(x, **known), model.reconstruct(x)
    monkeypatch.setattr("unbraid.model.CHUNK", 4)
    for name, value in model.predict(x, **known).items():
        torch.testing.assert_close(value, whole[name])
    torch.testing.assert_close(model.reconstruct(x), picture)


@EVERY
def test_samples_repeat_with_their_generator(cls: type[ub.Model]) -> None:
    model = cls()
    with global_generator_untouched():
        first, again = model.sample(3, generator=seeded(1)), model.sample(3, generator=seeded(1))
    assert torch.equal(first, again)


@EVERY
def test_every_parameter_gets_a_gradient(cls: type[ub.Model]) -> None:
    model = cls()
    mixed_loss(model).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


@EVERY
def test_saved_and_loaded_gives_the_same_numbers(cls: type[ub.Model]) -> None:
    model, other = cls(seed=0), cls(seed=1)
    assert not torch.equal(mixed_loss(model), mixed_loss(other))
    other.load_state_dict(model.state_dict())
    assert torch.equal(mixed_loss(model), mixed_loss(other))


@EVERY
def test_a_seed_fixes_the_parameters(cls: type[ub.Model]) -> None:
    with global_generator_untouched():
        first, again, other = cls(seed=3), cls(seed=3), cls(seed=4)
    weights = [dict(model.named_parameters()) for model in (first, again, other)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert any(not torch.equal(weights[0][name], weights[2][name]) for name in weights[0])


@EVERY
def test_the_objective_with_a_generator_leaves_the_global_one_alone(cls: type[ub.Model]) -> None:
    with global_generator_untouched():
        assert torch.equal(mixed_loss(cls()), mixed_loss(cls()))


@EVERY
def test_a_batch_is_the_mean_of_its_rows(cls: type[ub.Model]) -> None:
    """Continuous latents are observed, so nothing is drawn."""
    model = cls().double()
    x, labels = rows_of(model, ROWS), labels_of(model, ROWS)
    for name, family in model.latents.items():
        if family.discrete:
            labels[name][::2] = -1 if family.cardinality else torch.nan
    whole = model.objective(x, labels).loss
    rows = [model.objective(x[i : i + 1], {n: v[i : i + 1] for n, v in labels.items()}).loss for i in range(ROWS)]
    torch.testing.assert_close(torch.stack(rows).mean(), whole, rtol=1e-10, atol=1e-10)


@EVERY
@pytest.mark.parametrize("estimator", ["enumerate", "plug_in", "gumbel"])
def test_a_mixed_batch_is_its_groups(cls: type[ub.Model], estimator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rows in the order of the groups the same noise is drawn either way."""
    model = cls().double()
    x = rows_of(model, ROWS)
    name = next(name for name, family in model.latents.items() if family.discrete)
    chosen = {n: estimator for n, family in model.latents.items() if family.discrete}
    label = labels_of(model, ROWS)[name]
    label[:2] = -1
    monkeypatch.setattr(model.graph.likelihood.family, "target", lambda data, _: data)  # nothing else is drawn
    mixed = model.objective(x, {name: label}, estimators=chosen, generator=(generator := seeded()))
    after = torch.rand(1, generator=generator)
    generator = seeded()
    unlabelled = model.objective(x[:2], estimators=chosen, generator=generator)
    labelled = model.objective(x[2:], {name: label[2:]}, estimators=chosen, generator=generator)
    assert torch.equal(torch.rand(1, generator=generator), after)
    torch.testing.assert_close(mixed.loss, (2 * unlabelled.loss + 4 * labelled.loss) / ROWS, rtol=1e-10, atol=1e-10)
    term = mixed.terms[f"log q({name})"]
    assert term.rows is not None
    assert term.rows.tolist() == [2, 3, 4, 5]
    torch.testing.assert_close(term.values, labelled.terms[f"log q({name})"].values)
    both = torch.cat([unlabelled.terms["log p(x)"].values, labelled.terms["log p(x)"].values])
    torch.testing.assert_close(mixed.terms["log p(x)"].values, both)


@EVERY
def test_copies_and_pickles_are_models_of_their_own(cls: type[ub.Model]) -> None:
    model = cls()
    loss = mixed_loss(model)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(mixed_loss(twin), loss)
        with torch.no_grad():
            for parameter in twin.parameters():
                parameter.add_(0.1)
        assert not torch.equal(mixed_loss(twin), loss)
    assert torch.equal(mixed_loss(model), loss)


@EVERY
def test_the_graph_is_immutable(cls: type[ub.Model]) -> None:
    graph = cls().graph
    with pytest.raises(FrozenInstanceError):
        graph.nodes = ()  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        graph.nodes[0].name = "y"  # type: ignore[misc]


@EVERY
def test_double_precision_agrees_with_single(cls: type[ub.Model]) -> None:
    single, double = cls(), cls().double()
    x, labels = rows_of(double, ROWS), labels_of(double, ROWS)
    loss = double.objective(x, labels).loss
    assert loss.dtype == torch.float64
    plain = {name: value.float() if value.is_floating_point() else value for name, value in labels.items()}
    torch.testing.assert_close(single.objective(x.float(), plain).loss.double(), loss, rtol=1e-4, atol=1e-4)
    assert double.reconstruct(x).dtype == torch.float64
    assert double.sample(2, generator=seeded()).dtype == torch.float64


@EVERY
def test_questions_leave_the_training_mode_and_the_gradients_alone(cls: type[ub.Model]) -> None:
    model = cls()
    x = rows_of(model, ROWS)
    frozen = next(iter(model.parts.values()))
    frozen.eval()
    for training in (True, False):
        model.training = training
        assert not model.reconstruct(x).requires_grad
        model.log_weights(x, generator=seeded())
        assert model.training is training
    assert not frozen.training
    assert all(part.training for part in model.parts.values() if part is not frozen)


@EVERY
def test_several_samples_average_and_keep_a_term_a_row(cls: type[ub.Model]) -> None:
    model = cls()
    x, labels = rows_of(model, ROWS), labels_of(model, ROWS, missing=0.5)
    for samples in (1, 3):
        result = model.objective(x, labels, samples=samples, generator=seeded())
        assert torch.isfinite(result.loss)
        for term in result.terms.values():
            assert term.values.shape == ((ROWS,) if term.rows is None else term.rows.shape)


@EVERY
def test_the_bound_lies_below_the_importance_weighted_one(cls: type[ub.Model]) -> None:
    """The mean log weight is the bound of the objective; many weights together bound log p(x) more tightly."""
    model = cls().double()
    x = rows_of(model, 3)
    weights = model.log_weights(x, 2000, generator=seeded())
    assert weights.shape == (2000, 3)
    objective = model.objective(x, samples=2000, generator=seeded(1))
    total = sum((term.values if "log" in name else -term.values) for name, term in objective.terms.items())
    error = 5 * 2**0.5 * weights.std(0) / 2000**0.5 + 1e-9
    assert ((weights.mean(0) - total).abs() <= error).all()
    assert (torch.logsumexp(weights, 0) - torch.tensor(2000.0).log() >= weights.mean(0)).all()


@EVERY
def test_printing_names_every_latent(cls: type[ub.Model]) -> None:
    model = cls()
    recognition, generation = str(model).splitlines()
    for name in model.latents:
        assert f"q({name}" in recognition
        assert f"p({name}" in generation
    assert "p(x |" in generation
