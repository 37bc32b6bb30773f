"""Amounts of training, and schedules: how the learning rate changes during it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from math import cos, pi, sqrt
from typing import Literal

Unit = Literal["batches", "epochs", "seconds", "accuracy"]

# the unit, and how many of it each spelling stands for
_SPELLINGS: dict[tuple[Unit, int], str] = {
    ("batches", 1): "b batch batches mini-batch mini-batches",
    ("epochs", 1): "e epoch epochs",
    ("seconds", 1): "s sec second seconds",
    ("seconds", 60): "m min minute minutes",
    ("seconds", 3600): "h hour hours",
    ("accuracy", 1): "% percent",
}

UNITS = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_AMOUNT = re.compile(r"(?a)(\d{1,12}(?:\.\d{1,12})?|\.\d{1,12}) ?([a-z%-]*)")

_THOUSANDS = re.compile(r"(?a)^[-+]?[1-9]\d{0,2}(,\d{3})+(?![\d,])")  # 5,000
_DECIMAL_COMMA = re.compile(r"(?a)^([-+]?\d*),(?=\d)")  # 0,01


def without_commas(text: str) -> str:
    """A text with the number at its beginning as Python reads it: 5000 for 5,000; 0.5 for 0,5."""
    text = _THOUSANDS.sub(lambda thousands: thousands[0].replace(",", ""), text)
    return _DECIMAL_COMMA.sub(r"\1.", text)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of training, or a total over all runs. An accuracy is from 0 to 1."""

    value: float
    unit: Unit
    total: bool = False

    def __str__(self) -> str:
        """The amount in words: `500 mini-batches`, `98 %`."""
        if self.unit == "accuracy":
            return f"{self.value:.10%}".rstrip("%").rstrip("0").rstrip(".") + " %"
        unit: str = "mini-batches" if self.unit == "batches" else self.unit
        if self.value == 1:
            unit = "mini-batch" if self.unit == "batches" else unit.removesuffix("s")
        return f"{self.value:,.12g} {unit}{' in all' if self.total else ''}"

    @classmethod
    def parse(cls, text: str) -> "Amount":
        """Reads an amount such as `500`, `5,000`, `3e` or `5 epochs`. Raises ValueError."""
        text, total, rest = without_commas(text.lower()).partition(" total")
        match = _AMOUNT.fullmatch(text)
        if not match or match[2] not in ("", *UNITS) or rest:
            raise ValueError
        unit, times = UNITS[match[2] or "batches"]
        number = times * Decimal(match[1])
        if unit == "accuracy":
            number /= 100  # as a Decimal, so that 99.9% equals 999 / 1000
        for is_wrong, reason in (
            (number == 0, "an amount must be above 0"),
            (unit == "batches" and "." in match[1], "mini-batches are counted in whole numbers"),
            (unit == "accuracy" and number > 1, "an accuracy is at most 100%"),
            (unit == "accuracy" and total, "an accuracy has no total"),
        ):
            if is_wrong:
                raise ValueError(reason)
        return cls(float(number), unit, bool(total))


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

    For a running mean of the weights whose window grows (arXiv 2602.03702).
    """
    return 1 / sqrt(1 + t / 500)


@dataclass(frozen=True, slots=True)
class Curve:
    """How the rate changes: by factor(s), where s is the fraction of the horizon that is done or,
    if `counts_batches`, the number of mini-batches. is_endless: whether the length is no matter.
    """

    factor: Callable[[float], float]
    is_endless: bool = False
    counts_batches: bool = False


SCHEDULES = {  # to add a schedule, write its function and an entry here
    "constant": Curve(constant, is_endless=True),
    "step": Curve(step),
    "exponential": Curve(exponential),
    "cosine": Curve(cosine),
    "one-cycle": Curve(one_cycle),
    "inverse-sqrt": Curve(inverse_sqrt, is_endless=True, counts_batches=True),
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule by name, over a horizon (mini-batches or epochs) or, if None, over each run."""

    name: str
    horizon: Amount | None = None

    @property
    def curve(self) -> Curve:
        return SCHEDULES[self.name]

    def factor(self, part: float, batches: int) -> float:
        """The factor for the rate, after this part of the stretch, and all these mini-batches."""
        return self.curve.factor(batches if self.curve.counts_batches else min(part, 1.0))

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Reads text such as `cosine` or `cosine 20e`. Raises ValueError, with the reason."""
        name, *rest = text.split() or [""]
        if name not in SCHEDULES:
            raise ValueError(f"is one of {', '.join(SCHEDULES)}")
        if not rest:
            return cls(name)
        if SCHEDULES[name].counts_batches:
            raise ValueError(f"{name} takes no horizon: it depends on mini-batches alone")
        try:
            (word,) = rest
            horizon = Amount.parse(word)
        except ValueError:
            horizon = Amount(1, "seconds")
        if horizon.unit not in ("batches", "epochs") or horizon.total:
            raise ValueError("has a horizon in epochs or mini-batches, as in cosine 20e")
        return cls(name, horizon)
