"""A stack: the parameters of several models in one storage, with one optimiser."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from unbraid.training.settings import Settings
from unbraid.training.state import TrainingState

AVERAGES = ("exp_avg", "exp_avg_sq")


class Stack:
    """The parameters and buffers of S models of one graph, each as one tensor (S, ...).

    The models' own parameters become views of it: what is a function of one run's state (a checkpoint, an error, a
    moving average) works on as if the run were alone. Adam is elementwise, so a step on the stack is one of every run.

    Attributes:
        parameters: By name, (S, *shape): what is trained needs a gradient.
        buffers: By name, (S, *shape).

    Args:
        states: Of the runs, all after the same number of steps.
        settings: Of Adam, those of all runs.
    """

    def __init__(self, states: Sequence[TrainingState], settings: Settings) -> None:
        self._states = list(states)
        own = [dict(state.model.named_parameters()) for state in states]
        self.parameters = {name: _shared([each[name] for each in own]) for name in own[0]}
        buffers = [dict(state.model.named_buffers()) for state in states]
        self.buffers = {name: _shared([each[name] for each in buffers]) for name in buffers[0]}
        self.optimizer = torch.optim.Adam(self.parameters.values(), settings.learning_rate, settings.betas, fused=True)
        self._take_averages()

    def only(self, kept: Sequence[int], settings: Settings) -> Stack:
        """Returns the stack of some of the runs, with the gradients that they have; the others are as they were."""
        self.give_averages()
        less = Stack([self._states[number] for number in kept], settings)
        for name, parameter in self.parameters.items():
            if parameter.grad is not None:
                less.parameters[name].grad = _laid_out_as(less.parameters[name], parameter.grad[list(kept)])
        return less

    def step(self, learning_rate: float) -> None:
        """Takes a step of the optimiser, in every run."""
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()

    def give_averages(self) -> None:
        """Gives each run's own optimiser its part of Adam's averages, as if it had taken the steps itself."""
        for number, state in enumerate(self._states):
            for group, shared in zip(state.optimizer.param_groups, self.optimizer.param_groups, strict=True):
                group["lr"] = shared["lr"]
            for own, parameter in zip(state.model.parameters(), self.parameters.values(), strict=True):
                if parameter in self.optimizer.state:
                    averages = self.optimizer.state[parameter]
                    state.optimizer.state[own] = {
                        "step": averages["step"].clone(), **{key: averages[key][number].clone() for key in AVERAGES}
                    }  # fmt: skip

    def _take_averages(self) -> None:
        """Takes over what each run's own optimiser has: nothing before the first step."""
        for name, parameter in self.parameters.items():
            own = [state.optimizer.state.get(dict(state.model.named_parameters())[name]) for state in self._states]
            if own[0]:
                stacked = {key: torch.stack([each[key] for each in own if each]) for key in AVERAGES}
                averages = {key: _laid_out_as(parameter, each) for key, each in stacked.items()}
                self.optimizer.state[parameter] = {"step": own[0]["step"].clone(), **averages}


def _shared(own: Sequence[Tensor]) -> Tensor:
    """Puts tensors into one storage, of which they become views."""
    whole = torch.stack([each.detach() for each in own])
    for number, each in enumerate(own):
        each.data = whole[number]
    return whole.requires_grad_(own[0].requires_grad)


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """Returns a value in a parameter's order in memory, on which fused optimisers rely."""
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)
