"""Cost functions, and the output activations that each can be used with.

To add a cost, write its value and an entry in `COSTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitnet.engine.arrays import Array


def difference(a: Array, y: Array) -> Array:
    """a − y."""
    return a - y


@dataclass(frozen=True, slots=True)
class Cost:
    """A cost C, averaged over the cases of a batch.

    value(a, y): C for outputs a and targets y, both (batch, outputs). formula: for one case.
    derivative(a, y): dC/da for each case or, if `canonical`, dC/dz, where a = f(z): for
    cross-entropy with its matching activation f, the derivative of f cancels (the canonical link,
    Bishop 2006, "Pattern Recognition and Machine Learning", section 4.3.6).
    outputs: the output activations that it can be used with; empty for all.
    """

    value: Callable[[Array, Array], float]
    formula: str
    derivative: Callable[[Array, Array], Array] = difference
    derivative_formula: str = "a − y"
    canonical: bool = False
    outputs: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        return (self.value.__doc__ or "").partition("\n")[0]

    def gradient(self, a: Array, y: Array, cases: int) -> Array:
        """The derivative of the sum of the costs of these cases, divided by `cases`."""
        grad = self.derivative(a, y)
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


COSTS: dict[str, tuple[Cost, ...]] = {
    "squared": (Cost(half_squares, "C = ½ Σ (a − y)²"),),
    "cross-entropy": (
        Cost(categorical, "C = −Σ y ln a", canonical=True, outputs=("softmax",)),
        Cost(
            binary,
            "C = −Σ [y ln a + (1 − y) ln(1 − a)]",
            canonical=True,
            outputs=("sigmoid",),
        ),
    ),
}
"""The name of a cost → its forms, for different output activations."""


def cost_for(name: str, output: str) -> Cost:
    """The cost called `name` for an output layer with the activation `output`.

    Raises ValueError, with the reason, for an unknown name or an invalid combination.
    """
    if name not in COSTS:
        raise ValueError(f"{name!r} is not a cost: choose one of {', '.join(COSTS)}")
    for cost in COSTS[name]:
        if output in cost.outputs or not cost.outputs:
            return cost
    usable = [activation for cost in COSTS[name] for activation in cost.outputs]
    raise ValueError(
        f"{name} takes the logarithm of each output, so outputs must lie between 0 and 1: "
        f"use {' or '.join(usable)} instead of {output}, or the squared cost"
    )


def usual_cost(output: str) -> str:
    """The cost that suits an output activation: cross-entropy for probabilities, else squared."""
    is_probability = any(output in cost.outputs for cost in COSTS["cross-entropy"])
    return "cross-entropy" if is_probability else "squared"
