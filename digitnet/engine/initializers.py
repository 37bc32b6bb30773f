"""Initialisers: how fresh weights are drawn. Biases start at zero."""

from collections.abc import Callable
from math import sqrt

import numpy as np

from digitnet.engine.types import Array

Draw = Callable[[np.random.Generator, int, int], Array]
"""(generator, inputs, outputs) → weights of shape (inputs, outputs), float64."""


def he(rng: np.random.Generator, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / inputs, for ReLU (He et al. 2015, arXiv 1502.01852)."""
    return rng.normal(0.0, sqrt(2 / inputs), (inputs, outputs))


def glorot(rng: np.random.Generator, inputs: int, outputs: int) -> Array:
    """Normal with variance 2 / (inputs + outputs) (Glorot and Bengio 2010, AISTATS)."""
    return rng.normal(0.0, sqrt(2 / (inputs + outputs)), (inputs, outputs))


def normal(rng: np.random.Generator, inputs: int, outputs: int) -> Array:
    """Standard normal, as first attempts have it; large layers saturate with it."""
    return rng.standard_normal((inputs, outputs))


def uniform(rng: np.random.Generator, inputs: int, outputs: int) -> Array:
    """Uniform between −1 and 1."""
    return rng.uniform(-1.0, 1.0, (inputs, outputs))


INITIALIZERS: dict[str, Draw] = {f.__name__: f for f in (he, glorot, normal, uniform)}
