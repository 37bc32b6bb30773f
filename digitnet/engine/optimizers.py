"""Optimisers: how the gradient of a mini-batch changes the parameters, from simple to complex.

Parameters give their gradient into whatever array the optimiser names (see `layers.Parameter`),
so the simple methods need no array for the gradient itself.
"""

from typing import Protocol

import numpy as np

from digitnet.engine.blas import add_scaled
from digitnet.engine.layers import Parameter
from digitnet.engine.settings import Settings
from digitnet.engine.types import Array

State = dict[str, list[Array]]
"""What an optimiser remembers between steps: name → one array per parameter."""


STATES = ("velocity",)
"""Every name that a state may have."""


class Optimizer(Protocol):
    """Changes parameters, one mini-batch after the other, and can be saved between two."""

    state: State

    def step(self, settings: Settings, cases: int) -> None:
        """One step down the gradient, summed over `cases` cases, of the mean cost."""


class SGD:
    """Stochastic gradient descent with momentum μ and L2 penalty λ.

    g = mean over the batch of dC/dw + λ w;  v ← μ v + g;  w ← w − η v  (Polyak 1964).
    Without momentum, w ← (1 − η λ) w − η g in one matrix product, with no temporary array.
    """

    def __init__(self, parameters: list[Parameter]) -> None:
        """No velocity yet: it starts at zero with the first step that has momentum."""
        self._parameters = parameters
        self.state: State = {}

    def step(self, settings: Settings, cases: int) -> None:
        """One step; see the class."""
        rate, momentum = settings.rate, settings.momentum
        decays = [settings.l2 if p.decays else 0.0 for p in self._parameters]
        if not momentum:
            self.state.clear()
            for p, decay in zip(self._parameters, decays, strict=True):
                p.add_gradient(p.value, -rate / cases, 1 - rate * decay)
            return
        if not self.state:
            self.state["velocity"] = [np.zeros_like(p.value) for p in self._parameters]
        for p, decay, v in zip(self._parameters, decays, self.state["velocity"], strict=True):
            p.add_gradient(v, 1 / cases, momentum)
            if decay:
                add_scaled(decay, p.value, v)
            add_scaled(-rate, v, p.value)
