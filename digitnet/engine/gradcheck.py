"""Gradient check: back-propagation against finite differences, in random directions."""

from dataclasses import dataclass

import numpy as np

from digitnet.engine.arrays import Array
from digitnet.engine.layers import EXACT
from digitnet.engine.network import Network, is_clamped
from digitnet.engine.optimizers import Penalties

STEP = 3e-4  # step h of the differences, which balances truncation and rounding errors in float64

DIRECTIONS = 20  # number of directions to check
TOLERANCE = 1e-6  # maximum relative error of a correct gradient

# Random elements of each parameter that a direction changes: if it were all of a large network, the
# difference of the costs would be lost in rounding errors.
SPREAD = 100


@dataclass(frozen=True)
class GradientCheck:
    """The largest relative error |a − n| / max(|a|, |n|), as far as rounding lets n be known, and
    the number of directions checked. kinks: those left out because the cost has a kink in them.
    """

    max_relative_error: float
    checked: int
    kinks: int = 0


@np.errstate(all="ignore")  # huge weights and penalties overflow
def check_gradient(
    network: Network,
    x: Array,
    y: Array,
    *,
    penalties: Penalties = Penalties(),  # noqa: B008 - it is frozen
) -> GradientCheck:
    """Compares, in float64, g · d with D(h) = (C(w + h d) − C(w − h d)) / 2h for random unit d
    (Goodfellow et al. 2016, "Deep Learning", section 11.5).

    D(h) and D(h/2) are combined to (4 D(h/2) − D(h)) / 3, with an error of order h⁴ (Richardson).
    x, (batch, inputs), and y, (batch, outputs), are the cases; C includes the penalties. A
    direction is replaced by another if the cost has a kink between the two points: a ReLU switches,
    a max pool chooses another pixel, or a weight under an L1 penalty changes sign. What is not
    finite or lost in rounding is left out, as are clamped cases.
    """
    copy = network.copy(np.float64)
    x, y = x.astype(np.float64), y.astype(np.float64)
    values = [p.value for p in copy.parameters]
    start_values = [value.copy() for value in values]
    if copy.cost.canonical:
        unclamped = ~is_clamped(copy.forward(x), y)
        x, y = x[unclamped], y[unclamped]
    if not len(x):
        return GradientCheck(0.0, 0)
    copy.backward(copy.forward(x, EXACT), y)
    gradient = [penalties.add_to(p.whole_gradient.copy(), p) for p in copy.parameters]
    rng = np.random.default_rng(0)
    worst, checked, kinks = 0.0, 0, 0
    for _ in range(10 * DIRECTIONS):
        if checked == DIRECTIONS:
            break
        direction = [_sparse(rng, value.shape) for value in values]
        length = np.sqrt(sum(float((d * d).sum()) for d in direction))
        costs, patterns = [], []
        for step in (STEP, -STEP, STEP / 2, -STEP / 2):
            for value, start, d in zip(values, start_values, direction, strict=True):
                value[...] = start + step / length * d
            a, pattern = _activity(copy, x)
            costs.append(copy.cost.value(a, y) + penalties.value(copy.parameters))
            patterns.append(pattern)
            if penalties.l1:
                patterns[-1] += [(p.value > 0).tobytes() for p in copy.parameters if p.decays]
        if any(pattern != patterns[0] for pattern in patterns):
            kinks += 1
            continue
        whole, half = (costs[0] - costs[1]) / (2 * STEP), (costs[2] - costs[3]) / STEP
        numeric = (4 * half - whole) / 3
        analytic = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
        analytic /= float(length)
        # a cost is known to some ε, in outputs near 1, and to some ε of itself
        rounding = 4 * np.finfo(np.float64).eps * (1 + abs(costs[0])) / STEP
        scale = max(abs(analytic), abs(numeric))
        if not 100 * rounding < scale < np.inf:
            continue
        error = abs(analytic - numeric) / max(scale, rounding / TOLERANCE)
        worst, checked = max(worst, error), checked + 1
    return GradientCheck(worst, checked, kinks)


def _sparse(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    direction = np.zeros(shape)
    rows = rng.choice(direction.size, min(SPREAD, direction.size), replace=False)
    direction.reshape(-1)[rows] = rng.standard_normal(len(rows))
    return direction


def _activity(network: Network, x: Array) -> tuple[Array, list[bytes]]:
    """The outputs, and the decisions of the layers at whose changes the cost has a kink."""
    decisions, activations = [], network.activations(x, EXACT)
    for passes, a in zip(network.prepared, activations, strict=True):
        layer = getattr(passes, "layer", passes)
        activation = getattr(layer, "activation", None)
        if activation is not None and activation.has_kink:
            decisions.append((a > 0).tobytes())
        pool = getattr(passes, "pool", passes)
        decisions += [winners.tobytes() for winners in getattr(pool, "winners", ())]
    return activations[-1], decisions
