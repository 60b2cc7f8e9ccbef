"""The semi-supervised VAE of the README, written by hand in plain PyTorch: shares no code with unbraid."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VALUES = 10


class HandWrittenDigits(nn.Module):
    """Kingma et al. 2014's M2 with q(style | digit, x), a perceptron each way, as a good PyTorch user would write it.

    Args:
        hidden: Units of the hidden layers.
        style_size: Size of the style.
        pixels: Pixels of an image.
        shared: Whether a layer's product with what does not depend on the digit is computed once, and the product with
            the digit is a row of its weights; else the digit is concatenated as a one-hot vector, ten times the rows.
    """

    def __init__(self, hidden: int = 512, style_size: int = 50, pixels: int = 784, shared: bool = False) -> None:
        super().__init__()
        self.features = nn.Linear(pixels, hidden)
        self.digit = nn.Linear(hidden, VALUES)
        self.style = nn.Linear(VALUES + hidden, 2 * style_size)
        self.back = nn.Linear(VALUES + style_size, hidden)
        self.pixels = nn.Linear(hidden, pixels)
        self.style_size, self.shared = style_size, shared

    @torch.no_grad()
    def copy_from(self, state: Mapping[str, Tensor]) -> HandWrittenDigits:
        """Takes the weights of the unbraid model."""
        for layer, name in LAYERS.items():
            for kind, parameter in self.get_submodule(layer).named_parameters():
                parameter.copy_(state[f"parts.{name}.{kind}"])
        return self

    def labelled(
        self, x: Tensor, target: Tensor, digit: Tensor, alpha: float, generator: torch.Generator | None = None
    ) -> Tensor:
        """Returns the objective of rows whose digit is known, shape (rows,)."""
        h = self.encoded(x)
        if self.shared:
            style_input = F.embedding(digit, self.style.weight[:, :VALUES].T) + self.style_of_features(h)
            back_input = F.embedding(digit, self.back.weight[:, :VALUES].T)
        else:
            back_input = F.one_hot(digit, VALUES).to(h.dtype)
            style_input = self.style(torch.cat([back_input, h], 1))
        style, divergence = self.draw(style_input, generator)
        log_q = -F.cross_entropy(self.digit(h), digit, reduction="none")
        return self.decoded(back_input, style, target) - divergence - math.log(VALUES) + alpha * log_q

    def enumerated(self, x: Tensor, target: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Returns the objective of rows whose digit is summed out, shape (rows,)."""
        rows, h = len(x), self.encoded(x)
        log_q = F.log_softmax(self.digit(h), 1)
        if self.shared:
            style_input = self.style.weight[:, :VALUES].T[:, None] + self.style_of_features(h)
            back_input = self.back.weight[:, :VALUES].T[:, None]
        else:
            back_input = torch.eye(VALUES, dtype=h.dtype, device=h.device).repeat_interleave(rows, 0)
            style_input = self.style(torch.cat([back_input, h.repeat(VALUES, 1)], 1)).view(VALUES, rows, -1)
            back_input = back_input.view(VALUES, rows, VALUES)
        style, divergence = self.draw(style_input, generator)
        bound = (self.decoded(back_input, style, target) - divergence).T
        return (log_q.exp() * (bound - log_q - math.log(VALUES))).sum(1)

    def plug_in(self, x: Tensor, target: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Returns the objective of rows whose children see the probabilities of the digit, shape (rows,)."""
        h = self.encoded(x)
        log_q = F.log_softmax(self.digit(h), 1)
        q = log_q.exp()
        style, divergence = self.draw(self.style(torch.cat([q, h], 1)), generator)
        back_input = q @ self.back.weight[:, :VALUES].T if self.shared else q
        bound = self.decoded(back_input, style, target) - divergence
        return bound - (q * (log_q + math.log(VALUES))).sum(1)

    def encoded(self, x: Tensor) -> Tensor:
        return F.relu(self.features(x.flatten(1)))

    def style_of_features(self, h: Tensor) -> Tensor:
        return F.linear(h, self.style.weight[:, VALUES:], self.style.bias)

    def draw(self, flat: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draws the style, and returns KL(q || standard normal) beside it."""
        loc, raw = flat.chunk(2, -1)
        scale = F.softplus(raw) + 1e-3
        style = loc + scale * torch.randn(loc.shape, generator=generator, dtype=loc.dtype, device=loc.device)
        return style, 0.5 * (loc.square() + scale.square() - 1).sum(-1) - scale.log().sum(-1)

    def decoded(self, back_input: Tensor, style: Tensor, target: Tensor) -> Tensor:
        """Returns log p(x | digit, style) of rows, or of rows for each digit: (values, rows)."""
        if self.shared:
            hidden = back_input + F.linear(style, self.back.weight[:, VALUES:], self.back.bias)
        else:
            hidden = self.back(torch.cat([back_input, style], -1))
        logits = self.pixels(F.relu(hidden))
        pixels = target.flatten(1).expand_as(logits)
        return -F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(-1)


LAYERS = {
    "features": "encode_dense_0",
    "digit": "encode_dense_1",
    "style": "encode_dense_2",
    "back": "decode_dense_0",
    "pixels": "decode_dense_1",
}
"""Each layer's name in the unbraid model."""
