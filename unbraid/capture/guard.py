"""The guard: what must stay as it is for a captured pass to be the pass."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from unbraid.capture.capturable import why_not

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
Slot = tuple[dict[str, Any], str]


class Guard:
    """Remembers the modules of a pass: which there are, whether they train, and where their tensors lie.

    Args:
        modules: The modules.

    Attributes:
        slots: Where each parameter and buffer is to be found, by the name that it has in the lines. A pass looks there
            each time, so tensors may be replaced.
        fixed: The names of those that never change.
    """

    def __init__(self, modules: nn.Module) -> None:
        self._seen = [(module, dict(module._modules), _state(module)) for module in modules.modules()]
        self.slots: dict[str, Slot] = {}
        self.fixed: set[str] = set()
        for module, _, _ in self._seen:
            for held in (module._parameters, module._buffers):
                for name, tensor in held.items():
                    if tensor is not None:
                        self._add(module, held, name)

    def _add(self, module: nn.Module, held: dict[str, Any], name: str) -> None:
        own = f"p{len(self.slots)}"
        self.slots[own] = (held, name)
        if getattr(module, "constant", False):
            self.fixed.add(own)

    def tensors(self) -> dict[str, Tensor]:
        """Returns the parameters and buffers as they are now."""
        return {own: held[name] for own, (held, name) in self.slots.items()}

    def reason(self) -> str | None:
        """Says why a pass through these modules cannot be captured; None if it can."""
        modules = [module for module, _, _ in self._seen]
        own = why_not(modules)
        if own is not None:
            return own
        for module in modules:
            if any(module.__dict__.get(hooks) for hooks in HOOKS):
                return f"{type(module).__name__} has hooks"
        held = [id(tensor) for tensor in self.tensors().values()]
        return "two modules share a parameter" if len(set(held)) < len(held) else None

    def holds(self) -> bool:
        """Says whether all is as it was."""
        return all(
            module._modules == parts and _state(module) == state and not module._forward_hooks
            and not module._forward_pre_hooks and not module._backward_hooks
            for module, parts, state in self._seen
        )  # fmt: skip


def _state(module: nn.Module) -> tuple[Any, ...]:
    """Returns what a module's pass depends on beside its tensors."""
    state = module.__dict__
    return state["training"], state.get("p"), len(state["_parameters"])
