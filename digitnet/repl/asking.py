"""Runs a network on pictures that are not in a data set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from digitnet.repl.errors import CommandError

if TYPE_CHECKING:
    from digitnet.digits.image import Picture
    from digitnet.engine.types import Array
    from digitnet.registry.model import Model

PIXELS = {28 * 28: slice(None), 11 * 11: slice(2, -4, 2)}
"""Number of inputs → the rows and columns of a 28 x 28 picture that the network takes."""


class PictureReader:
    """Computes a network's outputs for prepared pictures."""

    def __init__(self, model: "Model") -> None:
        """Raises CommandError if the network does not take pictures."""
        self._network = model.trainer.answering()
        self._scale = 1.0 if model.trainer.settings.pixels == "raw" else 1 / 255
        pixels = PIXELS.get(self._network.inputs)
        if pixels is None:
            raise CommandError(
                f"the network ({model.network.shape}) does not take pictures: "
                "n makes one that reads digits, l loads one"
            )
        self._pixels = pixels

    def seen(self, picture: "Picture") -> "Picture":
        """The pixels that the network takes from a prepared picture, 28 x 28."""
        return picture[self._pixels, self._pixels]

    def outputs(self, seen: "Sequence[Picture]") -> "Array":
        """The outputs, (pictures, outputs). Raises CommandError if they are not finite."""
        import numpy as np

        from digitnet.engine.cases import Cases
        from digitnet.engine.evaluate import outputs_for
        from digitnet.repl.commands.checking import check_outputs

        inputs = np.stack(seen).reshape(len(seen), -1)
        targets = np.zeros((len(seen), self._network.outputs))
        a = outputs_for(self._network, Cases(inputs, targets, self._scale), np.arange(len(seen)))
        check_outputs(a)
        return a
