"""Cost functions, and the output activations that each can be used with."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.arrays import Array


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost C, averaged over the cases of a batch.

    value(a, y): C for outputs a and targets y, both (batch, outputs).
    canonical: whether `gradient` is dC/dz, where a = f(z), rather than dC/da.
    """

    name: str
    value: Callable[[Array, Array], float]
    canonical: bool

    def gradient(self, a: Array, y: Array, cases: int) -> Array:
        """(a − y) / cases, where C is the mean over `cases` cases.

        For the squared error this is dC/da, to be multiplied by the activation's derivative. For
        cross-entropy with its matching activation, that derivative cancels and this is dC/dz (the
        canonical link, Bishop 2006, "Pattern Recognition and Machine Learning", section 4.3.6).
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
    """C = mean over cases of −Σᵢ [yᵢ ln aᵢ + (1 − yᵢ) ln(1 − aᵢ)], for independent outputs."""
    return -float(np.vdot(y, _log(a)) + np.vdot(1 - y, _log(1 - a))) / len(a)


def _log(p: Array) -> Array:
    """ln max(p, ε), where ε is the machine epsilon, the precision to which 1 − p is known.

    A clamped answer thus costs −ln ε, about 16 in float32. NaN stays NaN.
    """
    return np.log(np.maximum(p, np.finfo(p.dtype).eps))


def is_clamped(a: Array, y: Array) -> NDArray[np.bool_]:
    """Which cases have an output so wrong that its logarithm is clamped, or nearly so."""
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
    """The cost called `name` for an output layer with the activation `output`.

    Raises ValueError, with the reason, for an unknown name or an invalid combination.
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
