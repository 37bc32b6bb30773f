"""Optimisers: how the gradient of a mini-batch changes the parameters, from simple to complex.

w a parameter, g the gradient of the mean cost (penalties included), η the rate. To add one, write
a class with the arrays it keeps (`slots`) and its `update`, and put it into `OPTIMIZERS`.
"""

from abc import ABC, abstractmethod
from math import sqrt
from typing import ClassVar

import numpy as np

from digitnet.engine.blas import add_scaled
from digitnet.engine.layers import Parameter
from digitnet.engine.settings import Settings
from digitnet.engine.types import Array

CHUNK = 1 << 15
"""Numbers updated at a time: few enough that every pass over them finds them in the cache."""

State = dict[str, list[Array]]
"""What an optimiser remembers between steps: name → one array per parameter."""


class Optimizer(ABC):
    """Plain and general: gradient, penalties, clipping, then `update`, chunk by chunk.

    slots: names of the arrays kept for each parameter. decoupled: whether L2 shrinks the weights by
    itself rather than through the gradient.
    """

    slots: ClassVar[tuple[str, ...]] = ()
    decoupled: ClassVar[bool] = False

    def __init__(self, parameters: list[Parameter]) -> None:
        """Everything that is remembered starts at zero."""
        self.parameters = parameters
        self.steps = 0
        self.state: State = {
            name: [np.zeros_like(p.value) for p in parameters] for name in self.slots
        }
        self._gradients: list[Array] = []

    def step(self, settings: Settings, rate: float, cases: int) -> None:
        """One step down the gradient, summed over `cases` cases, of the mean cost."""
        self.steps += 1
        gradients = self._all_gradients(settings, cases)
        for k, (p, g) in enumerate(zip(self.parameters, gradients, strict=True)):
            arrays = [p.value, g, *(self.state[name][k] for name in self.slots)]
            flat = [array.reshape(-1) for array in arrays]
            shrink = rate * settings.l2 if self.decoupled and p.decays else 0.0
            for start in range(0, p.value.size, CHUNK):
                w, g_part, *kept = (array[start : start + CHUNK] for array in flat)
                if shrink:
                    w *= 1 - shrink
                self.update(w, g_part, rate, settings, *kept)

    @abstractmethod
    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """Changes w and what is kept, in place; g may be used up."""

    def _all_gradients(self, settings: Settings, cases: int) -> list[Array]:
        """The gradient for each parameter, with penalties, clipped if that is set."""
        if not self._gradients:
            self._gradients = [np.empty_like(p.value) for p in self.parameters]
        for p, g in zip(self.parameters, self._gradients, strict=True):
            p.add_gradient(g, 1 / cases, 0.0)
            if p.decays and settings.l2 and not self.decoupled:
                add_scaled(settings.l2, p.value, g)
            if p.decays and settings.l1:
                g += settings.l1 * np.sign(p.value)
        if settings.clip:
            self._clip(settings.clip)
        return self._gradients

    def _clip(self, longest: float) -> None:
        """G ← g · min(1, longest / |g|), over all parameters (Pascanu et al. 2013, ICML)."""
        flat = [g.reshape(-1) for g in self._gradients]
        length = sqrt(sum(float(np.dot(g, g)) for g in flat))
        if length > longest:
            for g in flat:
                g *= longest / length


class SGD(Optimizer):
    """Stochastic gradient descent: w ← w − η g."""

    def step(self, settings: Settings, rate: float, cases: int) -> None:
        """W ← (1 − ηλ) w − η g in one matrix product, with no array for g, where that will do."""
        if settings.clip or settings.l1:
            super().step(settings, rate, cases)
            return
        self.steps += 1
        for p in self.parameters:
            shrink = rate * settings.l2 if p.decays else 0.0
            p.add_gradient(p.value, -rate / cases, 1 - shrink)

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        add_scaled(-rate, g, w)


class Momentum(Optimizer):
    """Momentum μ: v ← μ v + g;  w ← w − η v (Polyak 1964, USSR Comp. Math. 4(5))."""

    slots = ("velocity",)

    def step(self, settings: Settings, rate: float, cases: int) -> None:
        """V ← μ v + g in one matrix product, with no array for g, where that will do."""
        if settings.clip or settings.l1:
            super().step(settings, rate, cases)
            return
        self.steps += 1
        for p, v in zip(self.parameters, self.state["velocity"], strict=True):
            p.add_gradient(v, 1 / cases, settings.momentum)
            if settings.l2 and p.decays:
                add_scaled(settings.l2, p.value, v)
            add_scaled(-rate, v, p.value)

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        (v,) = kept
        v *= settings.momentum
        v += g
        add_scaled(-rate, v, w)


class Nesterov(Optimizer):
    """Momentum that looks ahead: v ← μ v + g;  w ← w − η (g + μ v) (Sutskever et al. 2013)."""

    slots = ("velocity",)

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        (v,) = kept
        v *= settings.momentum
        v += g
        add_scaled(settings.momentum, v, g)
        add_scaled(-rate, g, w)


class RMSProp(Optimizer):
    """s ← 0.9 s + 0.1 g²;  w ← w − η g / (√s + ε) (Tieleman and Hinton 2012, lecture 6.5)."""

    slots = ("squares",)
    share, epsilon = 0.9, 1e-8

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        (s,) = kept
        square = g * g
        s *= self.share
        add_scaled(1 - self.share, square, s)
        np.sqrt(s, out=square)
        square += self.epsilon
        g /= square
        add_scaled(-rate, g, w)


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, arXiv 1412.6980), with the paper's constants.

    m ← 0.9 m + 0.1 g;  s ← 0.999 s + 0.001 g²;
    w ← w − η m̂ / (√ŝ + ε), where m̂ = m / (1 − 0.9ᵗ) and ŝ = s / (1 − 0.999ᵗ) at step t.
    """

    slots = ("means", "squares")
    first, second, epsilon = 0.9, 0.999, 1e-8

    def update(self, w: Array, g: Array, rate: float, settings: Settings, *kept: Array) -> None:
        """See the class."""
        m, s = kept
        m *= self.first
        add_scaled(1 - self.first, g, m)
        g *= g
        s *= self.second
        add_scaled(1 - self.second, g, s)
        np.sqrt(s, out=g)
        g /= sqrt(1 - self.second**self.steps)
        g += self.epsilon
        np.divide(m, g, out=g)
        add_scaled(-rate / (1 - self.first**self.steps), g, w)


class AdamW(Adam):
    """Adam with decoupled L2: first w ← (1 − ηλ) w (Loshchilov and Hutter 2019, 1711.05101)."""

    decoupled = True


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "rmsprop": RMSProp,
    "adam": Adam,
    "adamw": AdamW,
}


def limit_norms(parameters: list[Parameter], longest: float) -> None:
    """Shortens the weight vector into each unit to at most `longest` (Srivastava et al. 2014)."""
    for p in parameters:
        if p.decays:
            lengths = np.sqrt(np.einsum("ij,ij->j", p.value, p.value))
            weights = p.value
            weights *= np.minimum(1, longest / np.maximum(lengths, longest))
