"""Export: what a trained model answers, as a program that needs torch and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from unbraid.errors import ModelError, OptionError, did_you_mean
from unbraid.graph.series import join, split
from unbraid.graph.spread import Spread
from unbraid.inference import generation, passes
from unbraid.inference.known import Known
from unbraid.model import Model
from unbraid.training.atomic import write_atomically

Answer = Literal["predict", "infer", "generate", "reconstruct"]
"""What can be exported."""

_ROWS = 17  # of the example that is traced; torch treats 0 and 1 in a way of their own


def export(model: Model, answer: Answer = "predict", path: str | Path | None = None) -> ExportedProgram:
    """Exports what a model answers; see `Model.export`, which puts the model into evaluation mode before."""
    if answer not in _ANSWERS:
        raise OptionError(f"there is no {answer!r} to export.{did_you_mean(str(answer), _ANSWERS)}")
    asked = _ANSWERS[answer](_with_plain_weights(model))
    example, rows = asked.example(), {0: Dim("rows", min=1)}
    shapes = dict.fromkeys(example, rows) if isinstance(example, dict) else rows
    try:
        program = torch.export.export(asked, (example,), dynamic_shapes=(shapes,), strict=False)
    except (RuntimeError, TypeError, ValueError) as error:  # torch's own errors are one of these
        reason = " ".join(str(error).split("\n\n")[0].split())
        raise ModelError(
            f"{type(model).__name__} cannot be exported: {reason} A module of your own must not ask for numbers: write "
            "x.shape[0], not len(x), and torch.where(...), not `if x > 0`."
        ) from error
    if path is not None:
        file = BytesIO()
        torch.export.save(program, file)
        write_atomically(Path(path), file.getvalue())
    return program


def _with_plain_weights(model: Model) -> Model:
    """Returns a copy whose weights lie in memory in the usual order, as those of files and of other runtimes do."""
    copied = deepcopy(model)
    for weights in copied.parameters():
        weights.data = weights.data.contiguous()
    return copied


class _Asked(nn.Module):
    """One answer of a model, without its checks and without numbers that only a run could know."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    @abstractmethod
    def forward(self, given: Any) -> Any:
        """Answers."""

    def example(self) -> Any:
        """Returns an example of what is given: rows of zeros."""
        return self._like.new_zeros(_ROWS, *self.model.data_shape)

    @property
    def _like(self) -> Tensor:
        """A tensor of the model's type, where the model is."""
        return next(self.model.parameters(), torch.zeros(()))

    def _predicted(self, x: Tensor) -> dict[str, Tensor]:
        return passes.predict(self.model.frame(x), Known(), x.shape[0])

    def _generated(self, labels: Mapping[str, Tensor], rows: int) -> Tensor:
        """Returns the means of x; latents of steps that may be absent are filled in where they are."""
        graph, dtype = self.model.graph, self._like.dtype
        values = {
            name: Spread(graph.latents[name].family.value_of(label).to(dtype))
            for name, label in labels.items()
            if name not in graph.counts
        }
        partly = {name: label for name, label in labels.items() if name in graph.counts}
        return generation.generate(self.model.frame(None), Known(values, partly), rows)


class _Predict(_Asked):
    def forward(self, x: Tensor) -> dict[str, Tensor]:
        graph = self.model.graph
        return join(graph.series, passes.without_absent(graph, self._predicted(x)))


class _Infer(_Asked):
    def forward(self, x: Tensor) -> dict[str, dict[str, Tensor]]:
        frame = passes.recognise(self.model.frame(x), Known())
        return passes.parameters_of_q(frame, x.shape[0])


class _Generate(_Asked):
    def forward(self, values: dict[str, Tensor]) -> Tensor:
        labels = split(self.model.graph.series, values)
        return self._generated(labels, next(iter(labels.values())).shape[0])

    def example(self) -> dict[str, Tensor]:
        """Returns what is predicted of rows of zeros."""
        return _Predict(self.model).forward(super().example())


class _Reconstruct(_Asked):
    def forward(self, x: Tensor) -> Tensor:
        return self._generated(self._predicted(x), x.shape[0])


_ANSWERS: dict[str, type[_Asked]] = {
    "predict": _Predict,
    "infer": _Infer,
    "generate": _Generate,
    "reconstruct": _Reconstruct,
}
