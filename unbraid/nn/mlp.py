"""The multi-layer perceptron."""

from __future__ import annotations

from unbraid.graph.symbol import Symbol
from unbraid.nn.activation import activated, activation
from unbraid.nn.dense import Dense
from unbraid.nn.dropout import dropout


class Mlp:
    """Describes a multi-layer perceptron; called with its parents it becomes part of the program."""

    def __init__(self, sizes: tuple[int, ...], activation_name: str, share: float) -> None:
        activation(activation_name)
        self.dropout = dropout(share)
        self.layers = [Dense(size) for size in sizes]
        self.activation = activation_name

    def __call__(self, *parents: Symbol) -> Symbol:
        """Adds the network to the program; called again it shares its weights.

        Args:
            *parents: Symbols of events of any shape; they are flattened and concatenated.

        Returns:
            The symbol of the last hidden layer, activated: (rows, sizes[-1]).
        """
        hidden = parents
        for layer in self.layers:
            hidden = (self.dropout(activated(layer(*hidden), self.activation)),)
        return hidden[0]


def mlp(*sizes: int, activation: str = "relu", dropout: float = 0.0) -> Mlp:
    """Describes hidden layers that take their input sizes from what they are given.

    Args:
        *sizes: The number of units of each hidden layer.
        activation: The non-linearity after each layer: relu, gelu, silu, elu, tanh, softplus or leaky_relu.
        dropout: The share of units that training drops at random after each activation.

    Returns:
        What makes the network when it is called with its parents: ``ub.mlp(512)(digit, style)``.

    Raises:
        ModelError: If a size is no positive number or the activation is unknown.
    """
    return Mlp(sizes or (0,), activation, dropout)
