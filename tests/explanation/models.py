"""Models to explain: the paper's digits and faces, a label below a sampled latent, and a prior with structure."""

from typing import Any

import unbraid as ub


class Digits(ub.Model):
    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(x)
        digit = ub.Categorical(10)(h)
        return {"digit": digit, "style": ub.Normal(50)(digit, h)}

    def decode(self, digit: Any, style: Any) -> Any:
        return ub.Bernoulli(1, 4, 4)(ub.mlp(8)(digit, style))


class Faces(ub.Model):
    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(x)
        identity = ub.Categorical(38)(h)
        lighting = ub.Normal(3)(h)
        shading = ub.Normal(20)(ub.mlp(20)(identity, lighting))
        return {"identity": identity, "lighting": lighting, "shading": shading, "reflectance": ub.Normal(20)(h)}

    def decode(self, identity: Any, lighting: Any, shading: Any, reflectance: Any) -> Any:
        return ub.Normal(1, 4, 4)(ub.mlp(8)(identity, lighting, shading, reflectance))


class Auxiliary(ub.Model):
    """Maaløe et al. 2016: the label lies below a sampled latent, which p scores given the others."""

    def encode(self, x: Any) -> Any:
        h = ub.mlp(8)(x)
        a = ub.Normal(4)(h)
        digit = ub.Categorical(10)(a, h)
        return {"a": a, "digit": digit, "style": ub.Normal(5)(a, digit, h)}

    def decode(self, x: Any, digit: Any, style: Any) -> Any:
        return {"x": ub.Bernoulli(6)(digit, style), "a": ub.Normal(4)(digit, style, x)}


class Tree(ub.Model):
    """Discrete throughout; p has structure along q."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(3)(x)
        part = ub.Categorical(4)(kind, x)
        return {"kind": kind, "part": part, "mark": ub.Categorical(2)(part, x)}

    def prior(self) -> Any:
        kind = ub.Categorical(3, logits=ub.Learnable(0.0))()
        part = ub.Categorical(4)(kind)
        return {"kind": kind, "part": part}

    def decode(self, part: Any, mark: Any) -> Any:
        return ub.Normal(5)(part, mark)


class Against(ub.Model):
    """Discrete throughout; p goes against q: p(kind | mark), and p(x | kind) knows nothing of the others."""

    def encode(self, x: Any) -> Any:
        kind = ub.Categorical(3, estimator="enumerate")(x)
        part = ub.Categorical(4)(x)
        return {"kind": kind, "part": part, "mark": ub.Categorical(2)(kind, part)}

    def prior(self, mark: Any, part: Any) -> Any:
        return {"kind": ub.Categorical(3)(mark, part), "part": ub.Categorical(4, probs=[0.1, 0.2, 0.3, 0.4])()}

    def decode(self, kind: Any) -> Any:
        return ub.Normal(5)(kind)
