"""Committees: several networks whose outputs are averaged."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.types import Array, Shape

if TYPE_CHECKING:
    from digitnet.engine.network import Network


class Committee(Layer):
    """y = (1/M) Σₘ yₘ, the mean output of M members (Ciresan et al. 2012, arXiv 1202.2745).

    Each member gets the inputs multiplied by its own scale, as in its training. A committee cannot
    be trained; its members are, one by one.
    """

    kind = "committee"

    def __init__(
        self,
        input_shape: Shape,
        *,
        members: "list[tuple[Network, float]]",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """members: pairs of a network and the scale of its inputs.

        Raises ValueError if there are no members, or their numbers of inputs or outputs differ.
        """
        if not members:
            raise ValueError("a committee has at least one member")
        outputs = members[0][0].outputs
        for network, _ in members:
            if (network.inputs, network.outputs) != (input_shape[0], outputs):
                raise ValueError(
                    "members of a committee need the same numbers of inputs and outputs"
                )
        super().__init__(input_shape, (outputs,), dtype)
        self.members, self.text = members, f"committee of {len(members)}"

    def forward(self, x: Array, step: Step | None = None) -> Array:
        """The mean of the members' outputs."""
        total = np.zeros((len(x), *self.shape), self.dtype)
        for network, scale in self.members:
            total += network.forward((x if scale == 1 else x * scale).astype(network.dtype))
        total /= len(self.members)
        return total

    def backward(self, grad: Array) -> Array | None:
        """Raises ValueError: a committee cannot be trained."""
        raise ValueError("a committee cannot be trained: train its members, then vote again")

    def described(self) -> dict[str, Any]:
        """The members' shapes."""
        return {"members": [network.shape for network, _ in self.members]}

    def config(self) -> dict[str, Any]:
        """The members."""
        return {"members": self.members}
