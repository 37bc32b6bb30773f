"""Penalties on large weights, added to the cost."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from digitnet.engine.layers.base import Parameter
from digitnet.engine.types import Array

WHOLE = slice(None)


@dataclass(frozen=True, slots=True)
class Penalties:
    """λ₂/2 · Σ w² + λ₁ · Σ |w| over the weights, not the biases (Goodfellow et al. 2016, 7.1)."""

    l2: float = 0.0
    l1: float = 0.0

    def value(self, parameters: Iterable[Parameter]) -> float:
        """The penalty, which is added to the cost; infinite if it overflows."""
        weights = [p.value.reshape(-1) for p in parameters if p.decays]
        with np.errstate(all="ignore"):
            squares = self.l2 / 2 * sum(float(np.dot(w, w)) for w in weights) if self.l2 else 0.0
            if not self.l1:
                return squares
            return squares + self.l1 * sum(float(np.abs(w).sum()) for w in weights)

    def add_gradient(self, p: Parameter, g: Array, rows: slice = WHOLE) -> None:
        """g ← g + λ₂ w + λ₁ sign w, for these rows of a parameter."""
        if p.decays and self.l2:
            g += self.l2 * p.value[rows]
        if p.decays and self.l1:
            g += self.l1 * np.sign(p.value[rows])
