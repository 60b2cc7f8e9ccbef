"""Every model of the zoo says what its paper says, learns, and answers questions."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
import torch

import unbraid as ub
from unbraid import zoo

FACTORISATIONS = {
    "ADGM": "q(a | x) q(digit | x, a) q(style | x, a, digit)\n"
    "p(a | x, digit, style) p(digit) p(style) p(x | digit, style)",
    "CCVAE": "q(characteristics | x) q(digit | characteristics) q(style | x)\n"
    "p(characteristics | digit) p(digit) p(style) p(x | characteristics, style)",
    "CVAE": "q(digit) q(style | x, digit)\np(digit) p(style | digit) p(x | digit, style)",
    "GMVAE": "q(digit | x) q(z | x)\np(digit) p(z | digit) p(x | z)",
    "M1": "q(z | x) q(digit | z)\np(z) p(digit | z) p(x | z)",
    "M1M2": "q(z1 | x) q(digit | z1) q(z2 | z1, digit)\np(z1 | digit, z2) p(digit) p(z2) p(x | z1)",
    "M2": "q(digit | x) q(style | x, digit)\np(digit) p(style) p(x | digit, style)",
    "SDGM": "q(a | x) q(digit | x, a) q(style | x, a, digit)\n"
    "p(a | digit, style) p(digit) p(style) p(x | a, digit, style)",
}
MODELS: dict[str, type[ub.Model]] = {name: getattr(zoo, name) for name in zoo.__all__ if name != "AIR"}
"""Those that read one digit; AIR, which counts things, has tests of its own."""
every_model = pytest.mark.parametrize("name", MODELS)


def small(name: str) -> ub.Model:
    sizes: dict[str, Any] = {"hidden": 24, "size": 6, "style_size": 6}
    return MODELS[name](**{field: sizes[field] for field in MODELS[name].field_types()})


def mixed_labels(rows: ub.data.Rows) -> dict[str, Any]:
    return dict(ub.data.few_labels(rows.labels, per_class=3, seed=0))


@every_model
def test_the_program_is_the_papers(name: str) -> None:
    assert str(small(name)) == FACTORISATIONS[name]


@every_model
def test_the_program_is_short(name: str) -> None:
    source = inspect.getsource(MODELS[name]).replace(str(MODELS[name].__doc__), "")
    assert len([line for line in source.splitlines() if line.strip()]) <= 30


@every_model
def test_training_lowers_the_loss(name: str) -> None:
    rows = ub.data.tiny_digits(100)
    run = ub.fit(
        small(name), rows.images, mixed_labels(rows), epochs=5, batch_size=20, learning_rate=1e-2, progress="quiet"
    )
    losses = [epoch["loss"] for epoch in run.history]
    assert losses[-1] < 0.9 * losses[0]


@every_model
@pytest.mark.parametrize("samples", [1, 3])
def test_every_parameter_has_a_gradient(name: str, samples: int) -> None:
    model, rows = small(name), ub.data.tiny_digits(40)
    labels = {latent: torch.as_tensor(values) for latent, values in mixed_labels(rows).items()}
    generator = torch.Generator().manual_seed(0)
    found = model.objective(rows.images, labels, samples=samples, generator=generator)
    found.loss.backward()
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        assert parameter.grad.abs().sum() > 0, parameter_name


@every_model
def test_it_answers_questions(name: str) -> None:
    model, x = small(name), ub.data.tiny_digits(5).images
    predicted = model.predict(x)
    assert list(predicted) == list(model.latents)
    assert predicted["digit"].shape == (5,)
    assert model.sample(4, digit=3, generator=torch.Generator().manual_seed(0)).shape == (4, 1, 28, 28)
    assert model.analogy(x, digit=range(3)).shape == (5, 3, 1, 28, 28)
    assert model.reconstruct(x).shape == x.shape
    assert torch.isfinite(model.log_weights(x, 2, torch.Generator().manual_seed(0))).all()


@every_model
def test_it_can_be_read(name: str) -> None:
    model, rows = small(name), ub.data.tiny_digits(40)
    assert "digit" in model.explain(mixed_labels(rows))
    assert model.mermaid().startswith("flowchart")


def test_labels_do_not_reach_the_auto_encoder_of_m1() -> None:
    model, rows = small("M1"), ub.data.tiny_digits(20)
    gradients = []
    for shift in (0, 1):
        model.zero_grad()
        labels = {"digit": torch.as_tensor((rows.labels["digit"] + shift) % 10)}
        model.objective(rows.images, labels, generator=torch.Generator().manual_seed(0)).loss.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None})
    one, other = gradients
    changed = {model.get_parameter(name).shape for name in one if not torch.equal(one[name], other[name])}
    assert changed == {(10, 6), (10,)}  # the classifier's


def test_the_digit_of_m1_costs_rows_without_labels_nothing() -> None:
    found = small("M1").objective(ub.data.tiny_digits(6).images, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(found.terms["KL(digit)"].values, torch.zeros(6))


def test_the_style_of_m2_and_the_digit_change_the_image() -> None:
    model, x = small("M2"), ub.data.tiny_digits(3).images
    drawn = model.analogy(x, digit=[0, 1])
    assert not torch.equal(drawn[:, 0], drawn[:, 1])
