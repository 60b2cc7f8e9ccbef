"""Sub-models: the program of one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from unbraid.errors import ModelError
from unbraid.fields import fields_of, filled


class Submodel:
    """The program of one step of a `Repeat`: subclass it, give it typed fields, and write `encode`.

    ``encode(self, h, state)`` takes what the `Repeat` is given, in this order, and the state of the step before where
    it has an argument of this name. It returns by name random variables, which are the step's latents, and perhaps
    other symbols. Like a model's it is called once; the layers are the same in every step.

    A sub-model may have three more methods, which take what they need by name:

    - ``decode(self, digit, style)`` returns the symbol that a step contributes; ``items.decode()`` applies it.
    - ``next_state(self, state, digit, style)`` returns the next state; without it a gated recurrent unit makes it of
      the step's latents (Cho et al. 2014).
    - ``first_state(self, h)`` returns the first state from the inputs of `encode`; without it the first is zero.

    Args:
        **fields: Values of the typed fields (hyper-parameters) of the subclass.

    Raises:
        ModelError: If it has no method encode.
        OptionError: If a field does not exist or has another type.

    Example:
        >>> import torch, unbraid as ub
        >>> class Event(ub.Submodel):
        ...     kinds: int = 5
        ...
        ...     def encode(self, h, state):
        ...         kind = ub.Categorical(self.kinds, estimator="plug_in")(h, state)
        ...         return {"kind": kind, "size": ub.Normal(1)(kind, h, state)}
        >>> class Events(ub.Model):
        ...     def encode(self, x):
        ...         h = ub.mlp(16)(x)
        ...         count = ub.Categorical(4)(h)
        ...         return {"count": count, "events": ub.Repeat(Event(), at_most=3)(h, count)}
        ...
        ...     def decode(self, events):
        ...         return ub.Normal(8, scale=0.1)(ub.mlp(16)(events.kind, events.size))
        >>> Events().predict(torch.zeros(2, 8))["events.kind"].shape
        torch.Size([2, 3])
    """

    encode: Callable[..., Any]

    def __init__(self, **fields: Any) -> None:
        if not callable(getattr(type(self), "encode", None)):
            raise ModelError(f"{type(self).__name__} has no method 'encode': a sub-model needs encode(self, ...).")
        self.fields = filled(type(self), fields_of(type(self), Submodel), fields)
        for name, value in self.fields.items():
            setattr(self, name, value)
