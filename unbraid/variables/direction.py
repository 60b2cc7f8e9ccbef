"""Directions: unit vectors, as of light."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.distributions import Distribution

from unbraid.errors import ModelError
from unbraid.scalars import python_scalar
from unbraid.variables.constraint import Constraint, NonNegative, Unit
from unbraid.variables.family import Family, Learnable, Parameters
from unbraid.variables.power_spherical import PowerSpherical
from unbraid.variables.ranges import refuse_data, refuse_label
from unbraid.variables.seeded import seeded

TOLERANCE = 1e-3
"""How far from 1 the length of a unit vector may be; labels are often kept in few digits."""


class Direction(Family):
    """A unit vector in d dimensions: ``ub.Direction(3)(h)``. Its own prior is uniform on the sphere.

    The distribution is the power spherical one (De Cao & Aziz 2020; see `PowerSpherical`), a relative of the von
    Mises-Fisher distribution whose draws are reparameterised. Its prediction is the mean direction; labels are unit
    vectors (rows, d).

    Args:
        size: The number of dimensions d, at least 2.
        loc: The mean direction of its own prior, a unit vector (d,); the first axis by default.
        concentration: Of its own prior, at least 0; 0 is uniform.
    """

    constraints: Mapping[str, Constraint] = {"loc": Unit(), "concentration": NonNegative()}
    support = "sphere"

    def __init__(
        self,
        size: int,
        loc: Tensor | Learnable | None = None,
        concentration: float | Tensor | Learnable = 0.0,
    ) -> None:
        size = python_scalar(size)
        if not isinstance(size, int) or size < 2:
            raise ModelError(f"{type(self).__name__}: a direction has two dimensions or more, got {size!r}.")
        start = torch.eye(size)[0] if loc is None else loc
        super().__init__((size,), loc=start, concentration=concentration)

    def parameter_shape(self, name: str) -> tuple[int, ...]:
        """Returns (d,) for the mean direction and () for the concentration."""
        self.check_parameter(name)
        return self.event_shape if name == "loc" else ()

    def distribution(self, **parameters: Tensor) -> Distribution:
        """Returns the distribution for `loc` (*batch, d) and `concentration` (*batch)."""
        return PowerSpherical(**parameters)

    def draw(self, parameters: Parameters, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Draws unit vectors, differentiably."""
        around = PowerSpherical(**parameters).expand(torch.Size(shape))
        with seeded(generator, around.loc.device):
            return around.rsample()

    def most_probable(self, parameters: Parameters) -> Tensor:
        """Returns the mean direction."""
        return parameters["loc"]

    def mean(self, parameters: Parameters) -> Tensor:
        """Returns the mean vector, which lies inside the sphere."""
        return PowerSpherical(**parameters).mean

    def log_prob(self, parameters: Parameters, value: Tensor) -> Tensor:
        """Scores unit vectors (*batch, d), in nats, with respect to the surface of the sphere."""
        return PowerSpherical(**parameters).log_prob(value)

    def kl(self, q: Parameters, p: Parameters) -> Tensor | None:
        """Returns KL(q || p) in nats where p is uniform; there is no closed form for others."""
        if bool((p["concentration"] != 0).any()):
            return None
        divergence = PowerSpherical(**q).kl_from_uniform()
        return divergence.expand(torch.broadcast_shapes(divergence.shape, p["concentration"].shape))

    def check_labels(self, name: str, labels: Tensor) -> None:
        """Raises DataError for labels that are no unit vectors."""
        rule = "a unit vector: divide each label by its length"
        refuse_label(name, self, labels, _far_from_unit(labels), rule)

    def check_data(self, x: Tensor) -> None:
        """Raises DataError for rows that are no unit vectors."""
        super().check_data(x)
        refuse_data(self, x, _far_from_unit(x), "unit vectors: divide each row by its length")


def _far_from_unit(vectors: Tensor) -> Tensor:
    """Marks vectors (rows, d) that are not of length 1; those with NaN are not marked."""
    wrong: Tensor = (torch.linalg.vector_norm(vectors, dim=-1, keepdim=True) - 1).abs() > TOLERANCE
    return wrong.expand(vectors.shape)
