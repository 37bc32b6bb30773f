"""Costs: what training lowers, and for which output activations each makes sense."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.types import Array


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost C, the mean over the cases of a batch.

    value(a, y): C for outputs a and targets y, both (batch, outputs).
    canonical: whether `gradient` is with respect to z, where a = f(z), rather than to a.
    """

    name: str
    value: Callable[[Array, Array], float]
    canonical: bool

    def gradient(self, a: Array, y: Array, cases: int) -> Array:
        """(a − y) / cases, for C the mean over so many cases.

        For the squared error this is dC/da, and still passes through the activation's derivative;
        for cross-entropy with the activation it belongs to, that derivative cancels, and this is
        dC/dz already (the canonical link, Bishop 2006, "Pattern Recognition and Machine Learning",
        section 4.3.6).
        """
        grad: Array = a - y
        grad *= 1 / cases
        return grad


def half_squares(a: Array, y: Array) -> float:
    """C = mean over cases of ½ Σᵢ (aᵢ − yᵢ)²."""
    error = np.subtract(a, y).ravel()
    return float(np.dot(error, error)) / (2 * len(a))


def categorical(a: Array, y: Array) -> float:
    """C = mean over cases of −Σᵢ yᵢ ln aᵢ, for outputs that sum to one."""
    return -float(np.vdot(y, _log(a))) / len(a)


def binary(a: Array, y: Array) -> float:
    """C = mean over cases of −Σᵢ [yᵢ ln aᵢ + (1 − yᵢ) ln(1 − aᵢ)], each output a yes or no."""
    return -float(np.vdot(y, _log(a)) + np.vdot(1 - y, _log(1 - a))) / len(a)


def _log(p: Array) -> Array:
    """Natural logarithm of a probability, of at least the precision ε that 1 − p is known to.

    So a clamped answer costs −ln ε, some 16 in float32; what is not a number stays so.
    """
    return np.log(np.maximum(p, np.finfo(p.dtype).eps))


def is_clamped(a: Array, y: Array) -> NDArray[np.bool_]:
    """Which cases have an answer so wrong that its logarithm is, or is nearly, cut off."""
    right: Array = np.minimum(np.where(y > 0, a, 1), np.where(y < 1, 1 - a, 1)).min(axis=1)
    clamped: NDArray[np.bool_] = right < 1000 * np.finfo(a.dtype).eps
    return clamped


SQUARED = Cost("squared", half_squares, canonical=False)
CATEGORICAL = Cost("cross-entropy", categorical, canonical=True)
BINARY = Cost("cross-entropy", binary, canonical=True)

COSTS: dict[str, dict[str, Cost]] = {
    "squared": dict.fromkeys(("linear", "sigmoid", "tanh", "relu", "softmax"), SQUARED),
    "cross-entropy": {"softmax": CATEGORICAL, "sigmoid": BINARY},
}
"""cost name → output activation → the cost."""


def cost_for(name: str, output: str) -> Cost:
    """The cost called `name` as it is for an output layer with the activation `output`.

    Raises ValueError, with the reason, for a name that is not known and for a pair that does not
    make sense.
    """
    if name not in COSTS:
        raise ValueError(f"{name!r} is not a cost: choose one of {', '.join(COSTS)}")
    pairs = COSTS[name]
    if output not in pairs:
        raise ValueError(
            f"{name} takes the logarithm of each output, so outputs must lie between 0 and 1: "
            f"use {' or '.join(pairs)} instead of {output}, or the squared cost"
        )
    return pairs[output]
