"""Small models, one for each thing that a program can say: the laws hold for all of them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import unbraid as ub


class Digits(ub.Model):
    """A digit and its style: the paper's Figure 3, small."""

    hidden: int = 12
    style_size: int = 3

    def encode(self, x: Any) -> Any:
        h = ub.mlp(self.hidden)(x)
        digit = ub.Categorical(4)(h)
        style = ub.Normal(self.style_size)(digit, h)
        return {"digit": digit, "style": style}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 4, 4)(ub.mlp(self.hidden)(digit, style))


class Faces(ub.Model):
    """Several continuous latents, one of which depends on two others: the paper's Figure 6, small."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(12)(x)
        identity = ub.Categorical(5)(h)
        lighting = ub.Normal(3)(h)
        shading = ub.Normal(4)(ub.mlp(6)(identity, lighting))
        reflectance = ub.Normal(4)(h)
        return {"identity": identity, "lighting": lighting, "shading": shading, "reflectance": reflectance}

    def decode(self, identity: Any, lighting: Any, shading: Any, reflectance: Any) -> Any:
        shade = ub.mlp(8)(shading, lighting).tanh()
        return ub.ContinuousBernoulli(1, 3, 5)(shade * ub.mlp(8)(identity, reflectance))


class Characters(ub.Model):
    """The digits of MNIST's size, with few units."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 28, 28)(ub.mlp(8)(digit, style))


class Convolutions(ub.Model):
    """Images through convolutions and back."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(ub.conv(3, 4)(x))
        shape = ub.Categorical(3)(h)
        return {"shape": shape, "style": ub.Normal(2)(shape, h)}

    def decode(self, shape: Any, style: Any) -> Any:
        return ub.Bernoulli(2, 9, 7)(logits=ub.deconv(4, 3, to=(2, 9, 7))(shape, style))


class Auxiliary(ub.Model):
    """The label below a sampled latent, which the decoder scores (Maaloe et al. 2016)."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(10)(x)
        a = ub.Normal(2)(h)
        digit = ub.Categorical(3)(a, h)
        return {"a": a, "digit": digit, "style": ub.Normal(2)(a, digit, h)}

    def decode(self, x: Any, digit: Any, style: Any) -> Any:
        return {"x": ub.Bernoulli(6)(ub.mlp(8)(digit, style)), "a": ub.Normal(2)(ub.mlp(8)(x, digit, style))}


class Mixture(ub.Model):
    """The style of each digit has a prior of its own."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(x)
        digit = ub.Categorical(3)(h)
        return {"digit": digit, "style": ub.Normal(2)(digit, h)}

    def prior(self, digit: Any) -> Any:
        return {"style": ub.Normal(2)(ub.mlp(8)(digit))}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(5)(ub.mlp(8)(style, digit))


class WholePrior(ub.Model):
    """A prior that makes every latent itself; style comes before digit in q and after it in p."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(x)
        style = ub.Normal(2)(h)
        return {"style": style, "digit": ub.Categorical(3)(style, h)}

    def prior(self) -> Any:
        digit = ub.Categorical(3, logits=ub.Learnable(0.0))()
        return {"digit": digit, "style": ub.Normal(2)(ub.mlp(4)(digit))}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(5)(ub.mlp(8)(style, digit))


class TwoDiscrete(ub.Model):
    """Two discrete latents: `sort` depends on `kind` in q and not in p, `style` in p and not in q."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(3)(x)
        sort = ub.Categorical(2)(x, kind)
        return {"kind": kind, "sort": sort, "style": ub.Normal(2)(x, sort)}

    def prior(self, kind: Any) -> Any:
        return {"style": ub.Normal(2)(kind)}

    def decode(self, kind: Any, sort: Any, style: Any) -> Any:
        return ub.Bernoulli(5)(ub.mlp(7)(kind, sort, style))


class Below(ub.Model):
    """A label, `sort`, below a latent that is sampled and one that is enumerated."""

    def encode(self, x: Any) -> Any:
        a = ub.Normal(1)(x)
        kind = ub.Categorical(2)(x, a)
        return {"a": a, "kind": kind, "sort": ub.Categorical(3)(x, a, kind)}

    def decode(self, a: Any, kind: Any, sort: Any) -> Any:
        return ub.Bernoulli(4)(a, kind, sort)


class LearnedPriors(ub.Model):
    """Every latent's own prior is learned, and the noise of the data too."""

    def encode(self, x: Any) -> Any:
        digit = ub.Categorical(3, logits=ub.Learnable(torch.tensor([0.0, 1.0, -1.0])))(x)
        style = ub.Normal(2, loc=ub.Learnable(0.5), scale=ub.Learnable(1.5))(x, digit)
        return {"digit": digit, "style": style}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Normal(2, 3)(loc=ub.dense(6)(ub.mlp(8)(digit, style)).reshape(-1, 2, 3), scale=ub.Learnable(0.5))


class FixedNoise(ub.Model):
    """A normal likelihood with a given scale; functions of torch between the layers."""

    def encode(self, x: Any) -> Any:
        features: Any = ub.mlp(6, activation="tanh")(x)
        h: Any = torch.cat([features, x[:, :2] * 0.5], dim=1)
        return {"side": ub.Categorical(2, probs=[0.25, 0.75])(h), "style": ub.Normal(3)(h)}

    def decode(self, side: Any, style: Any) -> Any:
        return ub.Normal(5)(2 * side[:, :1] - 1, style.exp(), scale=0.1)


class LinearGaussian(ub.Model):
    """A mixture of linear-Gaussian models, whose p(x) is known."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(3, probs=[0.2, 0.3, 0.5])(x)
        return {"kind": kind, "z": ub.Normal(2)(loc=ub.dense(2)(x, kind), scale=1.2)}

    def decode(self, kind: Any, z: Any) -> Any:
        return ub.Normal(3)(loc=ub.dense(3)(kind, z), scale=1.0)


class Bits(ub.Model):
    """A yes/no variable and a vector of bits, of which the second depends on the first."""

    def encode(self, x: Any) -> Any:
        sure = ub.Bernoulli(1)(x)
        bits = ub.Bernoulli(3)(x, sure)
        return {"sure": sure, "bits": bits, "style": ub.Normal(2)(bits, x)}

    def prior(self, sure: Any) -> Any:
        return {"bits": ub.Bernoulli(3)(sure)}

    def decode(self, sure: Any, bits: Any, style: Any) -> Any:
        return ub.Bernoulli(4)(ub.mlp(6)(sure, bits, style))


class Skies(ub.Model):
    """A direction, an angle, and a label below them."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(6, activation="tanh")(x)
        light = ub.Direction(3)(h)
        turn = ub.Angle()(h)
        return {"light": light, "turn": turn, "kind": ub.Categorical(2)(light, turn, h)}

    def decode(self, light: Any, turn: Any, kind: Any) -> Any:
        return ub.Beta(4)(ub.mlp(6)(light, turn, kind))


class Positives(ub.Model):
    """Positive numbers, shares, and a family of torch's."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(6, activation="tanh")(x)
        size = ub.LogNormal(2, scale=0.5)(h)
        share = ub.Beta(2)(h)
        wait = ub.Gamma(1)(h)
        kind = ub.Categorical(2)(h)
        noise = ub.from_torch(torch.distributions.Laplace, 2, loc=0.0, scale=1.0)(h, kind)
        return {"size": size, "share": share, "wait": wait, "kind": kind, "noise": noise}

    def decode(self, size: Any, share: Any, wait: Any, kind: Any, noise: Any) -> Any:
        return ub.LogNormal(4)(ub.mlp(6)(size, share, wait, kind, noise))


class Components(ub.Model):
    """A learned mixture as the prior of a normal latent."""

    def encode(self, x: Any) -> Any:
        return {"style": ub.Normal(2)(x), "kind": ub.Categorical(2)(x)}

    def prior(self) -> Any:
        return {"style": ub.Mixture(ub.Normal(2), 3)()}

    def decode(self, style: Any, kind: Any) -> Any:
        return ub.Bernoulli(4)(ub.mlp(6)(style, kind))


REGISTRY: dict[str, type[ub.Model]] = {
    model.__name__: model
    for model in (
        Auxiliary,
        Below,
        Bits,
        Components,
        Convolutions,
        Digits,
        Faces,
        FixedNoise,
        LearnedPriors,
        LinearGaussian,
        Mixture,
        Positives,
        Skies,
        TwoDiscrete,
        WholePrior,
    )
}


def rows_of(model: ub.Model, rows: int, seed: int = 0) -> Tensor:
    """Draws data that the model's likelihood can have made: zeros and ones where it takes pixels."""
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    noise = torch.rand(rows, *model.data_shape, generator=generator, dtype=dtype)
    match model.graph.likelihood.family.support:
        case "unit":
            return noise
        case "positive":
            return noise + 0.1
        case _:
            return noise.round()


def labels_of(model: ub.Model, rows: int, seed: int = 0, missing: float = 0.0) -> dict[str, Tensor]:
    """Draws a label of every latent, missing in some rows."""
    generator = torch.Generator().manual_seed(seed)
    dtype = next(model.parameters()).dtype
    labels: dict[str, Tensor] = {}
    for name, family in model.latents.items():
        absent = torch.rand(rows, generator=generator) < missing
        if family.cardinality is None:
            value = _label(family, torch.randn(rows, *family.label_shape, generator=generator, dtype=dtype))
            value[absent] = torch.nan
        else:
            value = torch.randint(family.cardinality, (rows,), generator=generator)
            value[absent] = -1
        labels[name] = value
    return labels


def _label(family: ub.Family, noise: Tensor) -> Tensor:
    """Turns numbers into labels that the family takes."""
    match family.support:
        case "discrete":
            return (noise > 0).to(noise.dtype)
        case "positive":
            return noise.exp()
        case "unit":
            return noise.sigmoid()
        case "sphere" if family.label_shape:
            return torch.nn.functional.normalize(noise, dim=-1)
        case _:
            return noise
