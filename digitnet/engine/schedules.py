"""Schedules: how the learning rate changes during training.

Each gives a factor for the rate. Most are functions of s, the fraction of a stretch of training
that is done, 0 ≤ s ≤ 1. The stretch is one run or, if a horizon is given, that much training from
the network's first mini-batch on, over any number of runs. `inverse-sqrt` has no stretch: it
depends on the number of mini-batches the network has been trained on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sqrt

from digitnet.engine.amount import Amount


def constant(s: float) -> float:
    """1."""
    return 1.0


def step(s: float) -> float:
    """1, then 0.1 from s = 0.5, then 0.01 from s = 0.75 (He et al. 2016, section 4.2)."""
    return 1.0 if s < 0.5 else 0.1 if s < 0.75 else 0.01


def exponential(s: float) -> float:
    """0.01ˢ: falls by the same factor in each step, to a hundredth at the end."""
    return float(0.01**s)


def cosine(s: float) -> float:
    """½ (1 + cos πs) (Loshchilov and Hutter 2017, arXiv 1608.03983, without restarts)."""
    return 0.5 * (1 + cos(pi * s))


def one_cycle(s: float) -> float:
    """Rises from 0.04 to 1 over the first 30 %, then falls to 0.0001, along half cosines.

    The 1cycle policy (Smith and Topin 2018, arXiv 1708.07120) with cosine annealing.
    """
    if s < 0.3:
        return 0.04 + 0.96 * (1 - cosine(s / 0.3))
    return 0.0001 + 0.9999 * cosine((s - 0.3) / 0.7)


def inverse_sqrt(t: float) -> float:
    """1 / √(1 + t / 500) after t mini-batches, so that training may end at any time.

    Meant for use with a running mean of the weights whose window grows (arXiv 2602.03702).
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
    """A schedule by name, over a horizon (mini-batches or epochs) or, if None, over each run."""

    name: str
    horizon: Amount | None = None

    @property
    def is_endless(self) -> bool:
        """Whether it is the same however long training is."""
        return self.name in ("constant", "inverse-sqrt")

    def factor(self, part: float, batches: int) -> float:
        """The factor for the rate.

        part: the fraction of the stretch that is done. batches: the number of mini-batches the
        network has been trained on.
        """
        if self.name == "inverse-sqrt":
            return inverse_sqrt(batches)
        return SCHEDULES[self.name](min(part, 1.0))

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Reads text such as `cosine` or `cosine 20e`. Raises ValueError, with the reason."""
        name, *rest = text.split() or [""]
        if name not in SCHEDULES:
            raise ValueError(f"is one of {', '.join(SCHEDULES)}")
        if not rest:
            return cls(name)
        if name == "inverse-sqrt":
            raise ValueError(
                f"{name} takes no horizon: it does not depend on the length of training"
            )
        try:
            (word,) = rest
            horizon = Amount.parse(word)
        except ValueError:
            horizon = Amount(1, "seconds")
        if horizon.unit not in ("batches", "epochs") or horizon.total:
            raise ValueError("has a horizon in epochs or mini-batches, as in cosine 20e")
        return cls(name, horizon)
