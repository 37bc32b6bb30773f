"""Initialisers: the distributions of initial weights. Biases start at zero."""

from collections.abc import Callable
from math import sqrt

import numpy as np

from digitnet.engine.types import Array, Shape

Draw = Callable[[np.random.Generator, Shape, int, int], Array]
"""(generator, shape, inputs, outputs) → weights of that shape, float64.

inputs: the fan-in, the number of terms of each weighted sum. outputs: the fan-out, the number of
sums that each input is part of.
"""


def he(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / inputs, for ReLU (He et al. 2015, arXiv 1502.01852)."""
    return rng.normal(0.0, sqrt(2 / inputs), shape)


def glorot(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / (inputs + outputs) (Glorot and Bengio 2010, AISTATS)."""
    return rng.normal(0.0, sqrt(2 / (inputs + outputs)), shape)


def normal(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Standard normal, common in first attempts; it saturates large layers."""
    return rng.standard_normal(shape)


def uniform(rng: np.random.Generator, shape: Shape, inputs: int, outputs: int) -> Array:
    """Uniform between −1 and 1."""
    return rng.uniform(-1.0, 1.0, shape)


INITIALIZERS: dict[str, Draw] = {f.__name__: f for f in (he, glorot, normal, uniform)}
