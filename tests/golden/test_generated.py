"""The objective of generated programs equals brute force, for every pattern of labels, in every term and gradient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from torch import Tensor

import unbraid as ub
from tests.golden import brute
from tests.golden.programs import PIXELS, Program, Recorded, random_program

EXAMPLES = 300
SLOW = [HealthCheck.too_slow]
EXACT: dict[str, Any] = {"rtol": 1e-9, "atol": 1e-10}


@dataclass(frozen=True)
class Case:
    """A program, which of its latents are observed in which rows, and what is maximised."""

    program: Program
    observed: Mapping[str, tuple[bool, ...]]
    rows: int
    setting: brute.Setting
    seed: int

    @property
    def patterns(self) -> list[frozenset[str]]:
        return [frozenset(name for name, mask in self.observed.items() if mask[i]) for i in range(self.rows)]


def random_case(rng: Random) -> Case:
    program = random_program(rng)
    rows = rng.randint(1, 3)
    labelled = rng.sample(list(program.latents), len(program.latents))[: rng.randint(0, len(program.latents))]
    observed = {name: tuple((rng.random() < 0.5) for _ in range(rows)) for name in labelled}
    return Case(program, observed, rows, _setting(rng, program), rng.randint(0, 999))


def _setting(rng: Random, program: Program) -> brute.Setting:
    bound, supervision = rng.choice((("elbo", "default"), *(("importance", "default"),) * 3, ("elbo", "eq4")))
    elbo = bound == "elbo"
    return brute.Setting(
        plugged=frozenset(n for n, each in program.latents.items() if each.discrete and rng.randint(0, 2) == 0),
        samples=rng.choice((2, 1)),
        alpha=rng.choice((0.0, 0.7, 5.0)),
        gamma=rng.choice((0.3, 1.0, 2.0)),
        beta=rng.choice((0.0, 0.4, 1.0, 2.0)) if elbo else 1.0,
        free_bits=rng.choice((0.0, 0.0, 0.3)) if elbo else 0.0,
        supervision=supervision,
        bound=bound,
    )


def test_objectives_of_generated_programs() -> None:
    """The seeds are fixed, so that the situations which they must cover do not depend on what hypothesis draws."""
    seen: Counter[str] = Counter()
    for seed in range(EXAMPLES):
        case = random_case(Random(seed))
        try:
            compare(case)
        except Exception as error:
            error.add_note(f"seed {seed}: {case}\n{case.program.source}")
            raise
        seen.update(situations(case))
    assert seen["cases"] >= 200
    for situation in SITUATIONS:
        assert seen[situation] >= 10, (situation, seen)


@settings(max_examples=30, phases=[Phase.generate], deadline=None, suppress_health_check=SLOW)
@given(st.randoms(use_true_random=True))  # one draw of hypothesis, the seed: its many small ones favour small cases
def test_objectives_of_other_generated_programs(rng: Random) -> None:
    case = random_case(rng)
    note(f"{case}\n{case.program.source}")
    compare(case)


def compare(case: Case) -> None:
    """Compares the loss, every term of every row, and the gradient of every weight."""
    program, setting = case.program, case.setting
    model = program.model(case.seed)
    x, labels = data(case)
    estimators = {
        name: "plug_in" if name in setting.plugged else "enumerate"
        for name, latent in program.latents.items()
        if latent.discrete
    }
    result = model.objective(
        x,
        labels,
        estimators=estimators,
        alpha=setting.alpha,
        gamma=setting.gamma,
        beta=setting.beta,
        free_bits=setting.free_bits,
        samples=setting.samples,
        supervision=setting.supervision,  # type: ignore[arg-type]
        bound=setting.bound,  # type: ignore[arg-type]
        generator=torch.Generator().manual_seed(case.seed),
    )
    w = brute.weights_of(model)
    found = naive_rows(case, model, x, labels, result.terms["log p(x)"].rows)
    loss = torch.zeros((), dtype=torch.float64)
    for pattern, members in grouped(case, list(range(case.rows))):
        total = torch.stack(brute.objective([found[i] for i in members], setting)).sum()
        loss = loss - (setting.gamma if pattern else 1.0) * total / case.rows
    torch.testing.assert_close(result.loss, loss, **EXACT)
    assert set(result.terms) == {name for each in found.values() for name in each.terms}
    for name, term in result.terms.items():
        rows = list(range(case.rows)) if term.rows is None else term.rows.tolist()
        assert sorted(rows) == [i for i in range(case.rows) if name in found[i].terms]
        wanted = torch.stack([found[i].terms[name] for i in rows])
        torch.testing.assert_close(term.values, wanted, **EXACT, msg=f"{name}: {{}}".format)
    gradients = [
        torch.autograd.grad(each, list(w.values()), allow_unused=True, materialize_grads=True)
        if each.requires_grad
        else [torch.zeros_like(parameter) for parameter in w.values()]
        for each in (result.loss, loss)
    ]
    for name, left, right in zip(w, *gradients, strict=True):
        torch.testing.assert_close(left, right, **EXACT, msg=f"{name}: {{}}".format)


def data(case: Case) -> tuple[Tensor, dict[str, Tensor]]:
    """Draws rows and labels: -1 or NaN where a row has none."""
    generator = torch.Generator().manual_seed(case.seed + 1)
    x = torch.randn(case.rows, PIXELS, generator=generator, dtype=torch.float64)
    labels: dict[str, Tensor] = {}
    for name, mask in case.observed.items():
        latent, absent = case.program.latents[name], ~torch.tensor(mask)
        if latent.discrete:
            label = torch.randint(latent.size, (case.rows,), generator=generator)
            labels[name] = label.masked_fill(absent, -1)
        else:
            number = torch.randn(case.rows, latent.size, generator=generator, dtype=torch.float64)
            labels[name] = number.masked_fill(absent[:, None], torch.nan)
    return x if case.program.normal else (x > 0).double(), labels


def grouped(case: Case, order: list[int]) -> list[tuple[frozenset[str], list[int]]]:
    """Returns the rows of each pattern of labels, the patterns as they come in `order`."""
    groups: dict[frozenset[str], list[int]] = {}
    for i in order:
        groups.setdefault(case.patterns[i], []).append(i)
    return list(groups.items())


def naive_rows(
    case: Case, model: ub.Model, x: Tensor, labels: Mapping[str, Tensor], order: Tensor | None
) -> dict[int, brute.Row]:
    """Evaluates every row by brute force, with the noise that the package drew."""
    program, w = case.program, brute.weights_of(model)
    assert tuple(model.latents) == program.order
    noise = {n: iter(family.noise) for n, family in model.latents.items() if isinstance(family, Recorded)}
    found: dict[int, brute.Row] = {}
    for pattern, members in grouped(case, list(range(case.rows)) if order is None else order.tolist()):
        drawn = {name: next(each) for name, each in noise.items() if name not in pattern}
        for place, i in enumerate(members):
            observed = {
                name: brute.hot(int(labels[name][i]), program.latents[name].size)
                if program.latents[name].discrete
                else labels[name][i]
                for name in pattern
            }
            looked_up = Logged(case, pattern, drawn, place)
            found[i] = brute.row(program, w, x[i], observed, looked_up, case.setting)
    assert all(next(each, None) is None for each in noise.values())
    return found


@dataclass(frozen=True)
class Logged:
    """The noise that was drawn for one row: one draw for each combination of what the latent depends on."""

    case: Case
    pattern: frozenset[str]
    drawn: Mapping[str, Tensor]
    place: int

    def __call__(self, name: str, chosen: Mapping[str, int]) -> Tensor:
        varied = self.varied_with(name) - {"sample"}
        axes = [other for other in reversed(self.case.program.order) if other in varied]  # the newest comes first
        axes += ["sample"] if self.case.setting.samples > 1 else []
        noise = self.drawn[name]
        assert noise.dim() == len(axes) + 2
        return noise[(*(chosen[axis] for axis in axes), self.place)]

    def varied_with(self, name: str) -> set[str]:
        """Returns the enumerated latents with which a latent's distribution varies."""
        found: set[str] = set()
        for parent in self.case.program.q[name].parents:
            if parent == "x" or parent in self.pattern:
                continue
            latent = self.case.program.latents[parent]
            enumerated = latent.discrete and parent not in self.case.setting.plugged
            found |= {parent} if enumerated else self.varied_with(parent)
        return found


SITUATIONS = (
    "four latents",
    "several patterns in a batch",
    "eq4",
    "importance",
    "free bits",
    "a label below an enumerated latent",
    "a label below a sampled latent",
    "a continuous label below an enumerated latent",
    "an enumerated latent below a sampled one",
    "an edge of p against q",
    "a closed form beside a label",
    "a latent scored by decode, given x",
    "a stand-in",
    "one value",
    "two samples",
    "eq4 with a label below a latent",
    "importance with discrete latents inside",
    "importance with discrete latents outside",
)


def situations(case: Case) -> set[str]:
    """Names what a case has that can go wrong."""
    program, setting = case.program, case.setting
    named = {"cases", setting.supervision, setting.bound}
    named |= {"four latents"} if len(program.latents) == 4 else set()
    named |= {"several patterns in a batch"} if len(set(case.patterns)) > 1 else set()
    named |= {"free bits"} if setting.free_bits else set()
    named |= {"two samples"} if setting.samples == 2 else set()
    named |= {"one value"} if any(each.discrete and each.size == 1 for each in program.latents.values()) else set()
    named |= {"a stand-in"} if any(factor.stand_ins for factor in program.p.values()) else set()
    scored = any("x" in factor.parents for factor in program.p.values())
    named |= {"a latent scored by decode, given x"} if scored else set()
    for name, factor in program.p.items():
        if any(name in program.above(parent) for parent in factor.parents if parent != "x"):
            named.add("an edge of p against q")
    for pattern in case.patterns:
        named |= _beside_labels(program, pattern, setting)
    return named


def _beside_labels(program: Program, pattern: frozenset[str], setting: brute.Setting) -> set[str]:
    named: set[str] = set()
    free = {name for name in program.latents if name not in pattern}
    enumerated = {name for name in free if program.latents[name].discrete and name not in setting.plugged}
    drawn = {name for name in free if not program.latents[name].discrete}
    for name in pattern:
        above = program.above(name)
        if above & enumerated:
            named.add("a label below an enumerated latent")
            if not program.latents[name].discrete:
                named.add("a continuous label below an enumerated latent")
        if above & drawn and setting.samples > 1:
            named.add("a label below a sampled latent")
        if above & free and setting.supervision == "eq4":
            named.add("eq4 with a label below a latent")
    if any(program.above(name) & drawn for name in enumerated):
        named.add("an enumerated latent below a sampled one")
    if pattern and any(brute.known_divergence(program, dict.fromkeys(pattern, torch.empty(0)), n) for n in drawn):
        named.add("a closed form beside a label")
    if setting.bound == "importance" and setting.samples > 1 and enumerated and drawn:
        inside = any(program.above(name) & drawn for name in free - drawn)
        named.add(f"importance with discrete latents {'inside' if inside else 'outside'}")
    return named
