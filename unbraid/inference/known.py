"""Known latents: values set by hand or labelled, in all rows or in some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from unbraid.graph.frame import Frame
from unbraid.graph.graph import Node
from unbraid.graph.spread import Spread
from unbraid.inference.labelled import label_or
from unbraid.inference.probable import most_probable


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the latents of some rows.

    Attributes:
        values: The latents known in every row, as children see them.
        partly: The labels of latents known in some rows: -1 or NaN in the others, such as steps past a count.
    """

    values: Mapping[str, Spread] = field(default_factory=dict)
    partly: Mapping[str, Tensor] = field(default_factory=dict)

    def value(
        self, frame: Frame, name: str, node: Node, guess: Callable[[Frame, Node], Spread] = most_probable
    ) -> Spread:
        """Returns a latent's value in every row: the known one, else what is guessed.

        Args:
            frame: Where the parents of the factor are fixed.
            name: The latent.
            node: Its factor in q or p, of which the guess is made.
            guess: The most probable value of a factor, or a draw.
        """
        if name in self.values:
            return self.values[name]
        guessed = guess(frame, node)
        return label_or(guessed, node, self.partly[name]) if name in self.partly else guessed
