"""M2 in plain PyTorch, as a good user would write it, with products shared or not; shares no code with unbraid."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.workload import HIDDEN, PIXELS, STYLE
from tests.by_hand import VALUES, HandWrittenDigits


class HandWrittenM2(HandWrittenDigits):
    """Kingma et al. 2014's M2: q(digit | x) and q(style | digit, x) have an encoder each, of one hidden layer.

    Args:
        hidden: Units of the hidden layers.
        style_size: Size of the style.
        pixels: Pixels of an image.
        shared: Whether a layer's product with what does not depend on the digit is computed once, and the product with
            the digit is a row of its weights; else the digit is concatenated as a one-hot vector, ten times the rows.
    """

    def __init__(
        self, hidden: int = HIDDEN, style_size: int = STYLE, pixels: int = PIXELS, shared: bool = False
    ) -> None:
        super().__init__(hidden, style_size, pixels, shared)
        self.style_features = nn.Linear(VALUES + pixels, hidden)
        self.style = nn.Linear(hidden, 2 * style_size)

    def labelled(
        self, x: Tensor, target: Tensor, digit: Tensor, alpha: float, generator: torch.Generator | None = None
    ) -> Tensor:
        """Returns the objective of rows whose digit is known, shape (rows,)."""
        if self.shared:
            style_input = F.embedding(digit, self.style_features.weight[:, :VALUES].T) + self.of_pixels(x)
            back_input = F.embedding(digit, self.back.weight[:, :VALUES].T)
        else:
            back_input = F.one_hot(digit, VALUES).to(x.dtype)
            style_input = self.style_features(torch.cat([back_input, x], 1))
        style, divergence = self.draw(self.style(F.relu(style_input)), generator)
        log_q = -F.cross_entropy(self.digit(self.encoded(x)), digit, reduction="none")
        return self.decoded(back_input, style, target) - divergence - math.log(VALUES) + alpha * log_q

    def enumerated(self, x: Tensor, target: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Returns the objective of rows whose digit is summed out, shape (rows,)."""
        rows = len(x)
        log_q = F.log_softmax(self.digit(self.encoded(x)), 1)
        if self.shared:
            style_input = self.style_features.weight[:, :VALUES].T[:, None] + self.of_pixels(x)
            back_input = self.back.weight[:, :VALUES].T[:, None]
        else:
            back_input = torch.eye(VALUES, dtype=x.dtype, device=x.device).repeat_interleave(rows, 0)
            style_input = self.style_features(torch.cat([back_input, x.repeat(VALUES, 1)], 1)).view(VALUES, rows, -1)
            back_input = back_input.view(VALUES, rows, VALUES)
        style, divergence = self.draw(self.style(F.relu(style_input)), generator)
        bound = (self.decoded(back_input, style, target) - divergence).T
        return (log_q.exp() * (bound - log_q - math.log(VALUES))).sum(1)

    def plug_in(self, x: Tensor, target: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Returns the objective of rows whose children see the probabilities of the digit, shape (rows,)."""
        log_q = F.log_softmax(self.digit(self.encoded(x)), 1)
        q = log_q.exp()
        if self.shared:
            style_input = q @ self.style_features.weight[:, :VALUES].T + self.of_pixels(x)
            back_input = q @ self.back.weight[:, :VALUES].T
        else:
            style_input, back_input = self.style_features(torch.cat([q, x], 1)), q
        style, divergence = self.draw(self.style(F.relu(style_input)), generator)
        bound = self.decoded(back_input, style, target) - divergence
        return bound - (q * (log_q + math.log(VALUES))).sum(1)

    def of_pixels(self, x: Tensor) -> Tensor:
        """Returns what the style's hidden layer makes of the pixels alone."""
        return F.linear(x, self.style_features.weight[:, VALUES:], self.style_features.bias)
