"""Leaving out inputs that are zero in a whole mini-batch: on digits, about a third of them."""

import numpy as np

from digitnet.engine.types import Array, Integers

FEWEST_OUTPUTS = 64
"""With fewer outputs the products take less time than finding out what they can do without."""


class UsedInputs:
    """The inputs that are not zero in every case of a batch x (batch, inputs).

    numbers: which, ascending. x: the batch with these alone. places: where in `numbers` each of all
    inputs stands; those that are not in it, past the end, at the number of inputs.
    """

    def __init__(self, x: Array) -> None:
        """Looks through x."""
        inputs = x.shape[1]
        self.numbers: Integers = np.flatnonzero(x.any(axis=0))
        self.x: Array = x.take(self.numbers, axis=1)
        self.places: Integers = np.full(inputs, inputs)
        self.places[self.numbers] = np.arange(len(self.numbers))

    def columns(self, inputs: slice) -> slice:
        """Where in `numbers` those of a range of inputs are."""
        start, stop = np.searchsorted(self.numbers, (inputs.start, inputs.stop))
        return slice(int(start), int(stop))

    @staticmethod
    def worth_finding(outputs: int) -> bool:
        """Whether a layer of so many outputs gains by it."""
        return outputs >= FEWEST_OUTPUTS
