"""Amounts of training: `500` mini-batches, `3e` epochs, `90s` or `5m` of time, `98%` accuracy.

`60e total` counts what the network was trained before, so that a training can be resumed.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Unit = Literal["batches", "epochs", "seconds", "accuracy"]

_SPELLINGS: dict[tuple[Unit, int], str] = {
    ("batches", 1): "b batch batches mini-batch mini-batches",
    ("epochs", 1): "e epoch epochs",
    ("seconds", 1): "s sec second seconds",
    ("seconds", 60): "m min minute minutes",
    ("seconds", 3600): "h hour hours",
    ("accuracy", 1): "% percent",
}
UNITS = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
"""Spelling → the unit, and the number of them that it stands for."""

_AMOUNT = re.compile(
    r"(\d{1,3}(?:,\d{3}){1,3}|\d{1,12}(?:\.\d{1,12})?|\.\d{1,12}) ?([a-z%-]*)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of training. value: mini-batches, epochs, seconds, or an accuracy from 0 to 1.

    total: whether it is the total over all runs, rather than the amount of this run.
    """

    value: float
    unit: Unit
    total: bool = False

    def __str__(self) -> str:
        """The amount in words: `500 mini-batches`, `98 %`."""
        if self.unit == "accuracy":
            return f"{self.value:.10%}".rstrip("%").rstrip("0").rstrip(".") + " %"
        unit = "mini-batches" if self.unit == "batches" else self.unit
        return f"{self.value:,.12g} {unit}{' in all' if self.total else ''}"

    @classmethod
    def parse(cls, text: str) -> "Amount":
        """Reads an amount such as `500`, `5,000`, `3e` or `5 epochs`.

        Raises ValueError for anything else.
        """
        text, total, rest = text.lower().partition(" total")
        match = _AMOUNT.fullmatch(text)
        if not match or match[2] not in ("", *UNITS) or rest:
            raise ValueError
        unit, times = UNITS[match[2] or "batches"]
        number = times * Decimal(match[1].replace(",", ""))
        if number == 0:
            raise ValueError("an amount is more than 0")
        if unit == "batches" and number % 1:
            raise ValueError("mini-batches are counted in whole numbers")
        if unit == "accuracy":
            number /= 100  # as a Decimal, so that 99.9% equals 999 / 1000
            if number > 1:
                raise ValueError("an accuracy is at most 100%")
            if total:
                raise ValueError("an accuracy has no total")
        return cls(float(number), unit, bool(total))
