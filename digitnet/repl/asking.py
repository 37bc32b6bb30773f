"""What a network says of pictures that are not in any data set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from digitnet.repl.errors import CommandError

if TYPE_CHECKING:
    from digitnet.digits.image import Picture
    from digitnet.engine.types import Array
    from digitnet.registry.model import Model

SEEN = {28 * 28: slice(None), 11 * 11: slice(2, -4, 2)}
"""Networks that take pictures, by their inputs: which rows and columns of a prepared drawing."""


class PictureReader:
    """Shows prepared pictures to a network."""

    def __init__(self, model: "Model") -> None:
        """Raises CommandError where the network takes no pictures."""
        self._network = model.trainer.answering()
        self._scale = 1.0 if model.trainer.settings.pixels == "raw" else 1 / 255
        part = SEEN.get(self._network.inputs)
        if part is None:
            raise CommandError(
                f"the network ({model.network.shape}) takes no pictures: "
                "n makes one that reads digits, l loads one"
            )
        self._part = part

    def seen(self, picture: "Picture") -> "Picture":
        """What the network sees of a prepared picture, 28 x 28."""
        return picture[self._part, self._part]

    def outputs(self, seen: "Sequence[Picture]") -> "Array":
        """The outputs for each. Raises CommandError where they are no numbers."""
        import numpy as np

        from digitnet.engine.cases import Cases
        from digitnet.engine.evaluate import outputs_for
        from digitnet.repl.commands.checking import check_outputs

        inputs = np.stack(seen).reshape(len(seen), -1)
        unknown = np.zeros((len(seen), self._network.outputs))
        a = outputs_for(self._network, Cases(inputs, unknown, self._scale), np.arange(len(seen)))
        check_outputs(a)
        return a
