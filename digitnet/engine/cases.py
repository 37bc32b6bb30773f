"""Cases: inputs and their answers, as the engine takes them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from digitnet.engine.types import Array, Integers, Pixels


@dataclass(frozen=True)
class Cases:
    """A set of cases.

    inputs: (cases, inputs), bytes or real numbers; the network sees inputs · scale.
    targets: (cases, outputs), what the outputs should be.
    """

    inputs: Pixels
    targets: Array
    scale: float = 1.0

    def __len__(self) -> int:
        """How many cases."""
        return len(self.inputs)


class Feeder:
    """Hands out batches of cases in buffers allocated once: each batch overwrites the last."""

    def __init__(self, cases: Cases, batch: int, dtype: DTypeLike) -> None:
        """For batches of up to `batch` cases, as numbers of `dtype`."""
        self._cases = cases
        self._raw = np.empty((batch, cases.inputs.shape[1]), cases.inputs.dtype)
        self._x: Array = np.empty(self._raw.shape, dtype)
        self._y: Array = np.empty((batch, cases.targets.shape[1]), dtype)

    def batch(self, rows: Integers) -> tuple[Array, Array]:
        """Inputs, scaled, and targets of the cases in `rows`."""
        count = len(rows)
        raw, x, y = self._raw[:count], self._x[:count], self._y[:count]
        # mode="clip" lets numpy write straight into `out`; the default buffers, to be able to raise
        np.take(self._cases.inputs, rows, axis=0, out=raw, mode="clip")
        np.multiply(raw, self._cases.scale, out=x, dtype=x.dtype)
        y[:] = self._cases.targets[rows]
        return x, y


def answers_of(outputs: Array) -> Integers:
    """The answer each row of outputs (or of targets) stands for.

    The index of the largest of several outputs; of a single output, whether it is at least ½.
    """
    if outputs.shape[1] == 1:
        return (outputs[:, 0] >= 0.5).astype(np.intp)
    largest: Integers = outputs.argmax(axis=1)
    return largest


def one_hot(answers: Integers, outputs: int) -> Array:
    """Targets (cases, outputs) that are 1 at each case's answer and 0 elsewhere."""
    return np.eye(outputs, dtype=np.float32)[answers]
