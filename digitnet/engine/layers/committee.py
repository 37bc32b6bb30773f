"""A committee: several networks answer together."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.layers.base import Layer, Step
from digitnet.engine.types import Array, Shape

if TYPE_CHECKING:
    from digitnet.engine.network import Network


class Committee(Layer):
    """y = Σ over the members of their outputs / members (Ciresan et al. 2012, arXiv 1202.2745).

    Each member sees the inputs times its own scale, as it did in its training. A committee answers;
    what learns are its members, each by itself.
    """

    kind = "committee"

    def __init__(
        self,
        input_shape: Shape,
        *,
        members: "list[tuple[Network, float]]",
        dtype: DTypeLike = np.float32,
    ) -> None:
        """`members` are networks with the scale of their inputs.

        Raises ValueError for none, and for members that take or give different numbers.
        """
        if not members:
            raise ValueError("a committee has at least one member")
        outputs = members[0][0].outputs
        for network, _ in members:
            if (network.inputs, network.outputs) != (input_shape[0], outputs):
                raise ValueError("members of a committee take and give equally many numbers")
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
        """Raises ValueError: only its members learn."""
        raise ValueError("a committee does not learn: train its members, then vote again")

    def described(self) -> dict[str, Any]:
        """The shapes of its members."""
        return {"members": [network.shape for network, _ in self.members]}

    def config(self) -> dict[str, Any]:
        """Its members."""
        return {"members": self.members}
