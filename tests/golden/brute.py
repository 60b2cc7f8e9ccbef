"""Objectives of any program by brute force: loops over the joint values of the enumerated latents and over the samples.

Shares no code with unbraid: it reads a model's weights by name, and nothing else of it. All values are tensors
(*batch, size), mostly without a batch: one row at a time. A batch is for many points of a quadrature.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from tests.golden.programs import PIXELS, Program

Weights = Mapping[str, Tensor]
Chosen = Mapping[str, int]
"""One combination: the index of each enumerated latent's value, and of the sample under "sample"."""
Noise = Callable[[str, Chosen], Tensor]
"""Gives the standard normal noise of a latent, (*batch, size), at a combination."""


@dataclass(frozen=True)
class Setting:
    """What is maximised, and which discrete latents hand on their probabilities instead of their values."""

    plugged: frozenset[str] = frozenset()
    samples: int = 1
    alpha: float = 1.0
    gamma: float = 1.0
    beta: float = 1.0
    free_bits: float = 0.0
    supervision: str = "default"
    bound: str = "elbo"


@dataclass(frozen=True)
class Row:
    """The terms of one row, and log q(O | x), the log-probability of its labels with all else summed out."""

    terms: Mapping[str, Tensor]
    log_q_labels: Tensor


def weights_of(model: torch.nn.Module) -> dict[str, Tensor]:
    return {name.removeprefix("parts."): parameter for name, parameter in model.named_parameters()}


# Densities.


def linear(w: Weights, name: str, parents: Sequence[Tensor]) -> Tensor:
    """Returns W [v_1, ..., v_n] + b of a layer."""
    batch = torch.broadcast_shapes(*(parent.shape[:-1] for parent in parents))
    values = torch.cat([parent.expand(*batch, -1) for parent in parents], -1)
    return values @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def log_softmax(logits: Tensor) -> Tensor:
    return logits - torch.logsumexp(logits, -1, keepdim=True)


def positive(raw: Tensor) -> Tensor:
    return torch.log1p(torch.exp(raw)) + 1e-3


def log_normal(value: Tensor, loc: Tensor, scale: Tensor) -> Tensor:
    return (-0.5 * ((value - loc) / scale) ** 2 - torch.log(scale) - 0.5 * math.log(2 * math.pi)).sum(-1)


def normal_divergence(loc: Tensor, scale: Tensor, prior_loc: Tensor, prior_scale: Tensor) -> Tensor:
    squares = (scale / prior_scale) ** 2 + ((loc - prior_loc) / prior_scale) ** 2
    return (0.5 * (squares - 1) - torch.log(scale / prior_scale)).sum(-1)


def log_bernoulli(pixels: Tensor, logits: Tensor) -> Tensor:
    return (pixels * logits - torch.log1p(torch.exp(logits))).sum(-1)


def hot(value: int, size: int) -> Tensor:
    return torch.tensor([float(i == value) for i in range(size)], dtype=torch.float64)


# Factors.


def parameters(program: Program, w: Weights, side: str, name: str, values: Mapping[str, Tensor]) -> list[Tensor]:
    """Returns [log-probabilities] of a discrete latent, [logits] of pixels, or [loc, scale] of normal variables."""
    factor = (program.q if side == "q" else program.p)[name]
    layers = program.numbering[1]
    pixels = name == "x" and not program.normal
    discrete = name != "x" and program.latents[name].discrete
    size = PIXELS if name == "x" else program.latents[name].size
    if factor.parents:
        flat = linear(w, layers[side, name, "parents"], [values[parent] for parent in factor.parents])
        if name == "x" and program.hidden:
            flat = linear(w, layers[side, name, "hidden"], [torch.tanh(flat)])
        raw = [flat] if discrete or pixels else [flat[..., :size], flat[..., size:]]
    elif factor.learned:
        raw = [w[f"{layers[side, name, each]}.raw"][0] for each in program.parameters(name)]
    elif discrete:
        raw = [torch.zeros(size, dtype=torch.float64)]
    else:
        return [torch.zeros(size, dtype=torch.float64), torch.ones(size, dtype=torch.float64)]
    if discrete:
        return [log_softmax(raw[0])]
    return raw if pixels else [raw[0], positive(raw[1])]


def log_density(program: Program, w: Weights, side: str, name: str, values: Mapping[str, Tensor]) -> Tensor:
    """Scores a variable's value: for a vector of probabilities it is the expected log-probability."""
    found = parameters(program, w, side, name, values)
    if name == "x" and not program.normal:
        return log_bernoulli(values["x"], found[0])
    if name != "x" and program.latents[name].discrete:
        return (values[name] * found[0]).sum(-1)
    return log_normal(values[name], found[0], found[1])


def known_divergence(program: Program, observed: Mapping[str, Tensor], name: str) -> bool:
    """Says whether E[log q - log p] of a normal latent is an integral over its own q alone, p fixed: then it is known.

    It is not where p depends on the latent's children in q, nor where a label of a child says more about the latent.
    """
    if program.latents[name].discrete:
        return False
    later = [other for other in program.latents if name in program.above(other)]
    return not any(other in observed or other in program.p[name].parents for other in later)


# One row.


def row(program: Program, w: Weights, x: Tensor, observed: Mapping[str, Tensor], noise: Noise, setting: Setting) -> Row:
    """Returns the terms of one row.

    Args:
        program: The model.
        w: Its weights.
        x: The row.
        observed: The values of its labelled latents: one-hot vectors, or numbers.
        noise: The noise of the others.
        setting: What is maximised.
    """
    free = [program.latents[name] for name in program.order if name not in observed]
    summed = [latent for latent in free if latent.discrete and latent.name not in setting.plugged]
    at: list[dict[str, Tensor]] = []
    log_prior: list[Tensor] = []
    log_posterior: list[Tensor] = []
    samples: list[int] = []
    for choice in product(*(range(latent.size) for latent in summed), range(setting.samples)):
        chosen = dict(zip([*(latent.name for latent in summed), "sample"], choice, strict=True))
        values = values_at(program, w, x, observed, noise, chosen)
        terms = terms_at(program, w, values, observed, setting)
        log_q = [log_density(program, w, "q", latent.name, values) for latent in summed]
        chance = torch.zeros((), dtype=torch.float64)
        for each in log_q:
            chance = chance + each
        log_prior.append(chance - math.log(setting.samples))
        for name in observed:
            chance = chance + terms[f"log q({name})"]
        log_posterior.append(chance - math.log(setting.samples))
        at.append(terms)
        samples.append(choice[-1])
    if setting.bound == "elbo":
        weights = torch.softmax(_stack(log_posterior), 0)
        terms = {name: _weighted(weights, [each[name] for each in at]) for name in at[0]}
        return Row(terms, torch.logsumexp(_stack(log_posterior), 0))
    weights = torch.exp(_stack(log_prior))
    terms = {name: _weighted(weights, [each[name] for each in at]) for name in at[0]}
    terms["importance bound"] = importance_bound(program, observed, setting, at, log_prior, samples)
    return Row(terms, torch.zeros(()))


def _stack(values: list[Tensor]) -> Tensor:
    return torch.stack(torch.broadcast_tensors(*values))


def _weighted(weights: Tensor, values: list[Tensor]) -> Tensor:
    return _stack([weight * value for weight, value in zip(weights, values, strict=True)]).sum(0)


def values_at(
    program: Program, w: Weights, x: Tensor, observed: Mapping[str, Tensor], noise: Noise, chosen: Chosen
) -> dict[str, Tensor]:
    """Returns the value of every variable at one combination."""
    values = {"x": x}
    for name in program.order:
        latent = program.latents[name]
        if name in observed:
            values[name] = observed[name]
        elif name in chosen:
            values[name] = hot(chosen[name], latent.size)
        elif latent.discrete:
            values[name] = torch.exp(parameters(program, w, "q", name, values)[0])
        else:
            loc, scale = parameters(program, w, "q", name, values)
            values[name] = loc + scale * noise(name, chosen)
    return values


def terms_at(
    program: Program, w: Weights, values: Mapping[str, Tensor], observed: Mapping[str, Tensor], setting: Setting
) -> dict[str, Tensor]:
    """Returns the terms at one combination."""
    terms = {"log p(x)": log_density(program, w, "p", "x", values)}
    for name in program.order:
        log_q, log_p = (log_density(program, w, side, name, values) for side in "qp")
        if name in observed:
            terms[f"log q({name})"], terms[f"log p({name})"] = log_q, log_p
        elif setting.bound == "elbo" and known_divergence(program, observed, name):
            (loc, scale), (prior_loc, prior_scale) = (parameters(program, w, side, name, values) for side in "qp")
            terms[f"KL({name})"] = normal_divergence(loc, scale, prior_loc, prior_scale)
        else:
            terms[f"KL({name})"] = log_q - log_p
    return terms


def importance_bound(
    program: Program,
    observed: Mapping[str, Tensor],
    setting: Setting,
    at: list[dict[str, Tensor]],
    log_prior: list[Tensor],
    samples: list[int],
) -> Tensor:
    """Returns log (1/S) sum_s p(x, O, u_s) / q(u_s), the enumerated latents outside of the logarithm.

    With a discrete latent below a sampled one, the logarithm of the ratio is averaged over them for each sample.
    """
    ratios = [
        sum((-v if name.startswith("KL") else v for name, v in terms.items() if "log q" not in name), torch.zeros(()))
        for terms in at
    ]
    free = [name for name in program.order if name not in observed]
    drawn = {name for name in free if not program.latents[name].discrete}
    inside = any(program.latents[name].discrete and program.above(name) & drawn for name in free)
    log_s = math.log(setting.samples)
    if inside:
        means = [
            sum((torch.exp(q + log_s) * r for q, r, i in zip(log_prior, ratios, samples, strict=True) if i == s))
            for s in range(setting.samples)
        ]
        return torch.logsumexp(_stack([torch.as_tensor(mean) for mean in means]), 0) - log_s
    total = torch.zeros((), dtype=torch.float64)
    for start in range(0, len(at), setting.samples):  # samples come last in a combination
        group = slice(start, start + setting.samples)
        bound = torch.logsumexp(_stack(ratios[group]), 0) - log_s
        total = total + torch.exp(log_prior[start] + log_s) * bound
    return total


# Many rows.


def objective(rows: list[Row], setting: Setting) -> list[Tensor]:
    """Returns what is maximised of rows that have the same latents observed, without gamma."""
    charged: dict[str, list[Tensor]] = {}
    for name in rows[0].terms:
        if name.startswith("KL("):
            costs = [each.terms[name] for each in rows]
            mean = _stack(costs).mean(0)
            charged[name] = [torch.clamp_min(mean, setting.free_bits)] * len(rows) if setting.free_bits else costs
    found = []
    for i, each in enumerate(rows):
        log_q = sum((v for name, v in each.terms.items() if name.startswith("log q(")), torch.zeros(()))
        value = each.terms["log p(x)"] - setting.beta * sum((costs[i] for costs in charged.values()), torch.zeros(()))
        value = value + sum((v for name, v in each.terms.items() if name.startswith("log p(") and name != "log p(x)"))
        if setting.bound == "importance":
            value = each.terms["importance bound"]
        if setting.supervision == "eq4" and any(name.startswith("log q(") for name in each.terms):
            found.append(torch.exp(each.log_q_labels) * (value - log_q))
        else:
            found.append(value + setting.alpha * log_q)
    return found
