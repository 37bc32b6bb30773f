"""Schedules: how the learning rate changes in the course of training.

Most are functions of the part s of a stretch of training that is done, 0 ≤ s ≤ 1, and give the
factor on the rate. The stretch is one run, or, where a horizon is given, that much of the network's
training from its first mini-batch on, however many runs it is cut into. `inverse-sqrt` knows no
stretch: it follows the mini-batches that the network has been trained on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sqrt

from digitnet.engine.amount import Amount


def constant(s: float) -> float:
    """1."""
    return 1.0


def step(s: float) -> float:
    """1, then 0.1 from the half on, 0.01 from three quarters on (He et al. 2016, section 4.2)."""
    return 1.0 if s < 0.5 else 0.1 if s < 0.75 else 0.01


def exponential(s: float) -> float:
    """0.01ˢ: smaller by the same factor in each step, a hundredth at the end."""
    return float(0.01**s)


def cosine(s: float) -> float:
    """½ (1 + cos πs) (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts)."""
    return 0.5 * (1 + cos(pi * s))


def one_cycle(s: float) -> float:
    """Up from 0.04 in the first 30 %, then down to 0.0001, along half cosines.

    The 1cycle policy (Smith and Topin 2018, arXiv 1708.07120) with cosine annealing.
    """
    if s < 0.3:
        return 0.04 + 0.96 * (1 - cosine(s / 0.3))
    return 0.0001 + 0.9999 * cosine((s - 0.3) / 0.7)


def inverse_sqrt(t: float) -> float:
    """1 / √(1 + t / 500) after t mini-batches: no end to plan for.

    With a running mean of the weights that grows as the training does (arXiv 2602.03702).
    """
    return 1 / sqrt(1 + t / 500)


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "inverse-sqrt": inverse_sqrt,
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule by name, over a horizon (mini-batches or epochs) or, with none, over each run."""

    name: str
    horizon: Amount | None = None

    @property
    def is_endless(self) -> bool:
        """Whether it is the same however long training is."""
        return self.name in ("constant", "inverse-sqrt")

    def factor(self, part: float, batches: int) -> float:
        """The factor on the rate when that part of the stretch is done, and so many mini-batches
        of the network's training.
        """
        if self.name == "inverse-sqrt":
            return inverse_sqrt(batches)
        return SCHEDULES[self.name](min(part, 1.0))

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Reads `cosine` or `cosine 20e`. Raises ValueError, with the reason."""
        name, *rest = text.split() or [""]
        if name not in SCHEDULES:
            raise ValueError(f"is one of {', '.join(SCHEDULES)}")
        if not rest:
            return cls(name)
        if name == "inverse-sqrt":
            raise ValueError(f"{name} has no horizon: it is the same however long training is")
        try:
            (word,) = rest
            horizon = Amount.parse(word)
        except ValueError:
            horizon = Amount(1, "seconds")
        if horizon.unit not in ("batches", "epochs") or horizon.total:
            raise ValueError("has a horizon in epochs or mini-batches, as in cosine 20e")
        return cls(name, horizon)
