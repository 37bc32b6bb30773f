"""Amounts of training: `500` mini-batches, `3e` epochs, `90s` seconds, `98%` accuracy."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Unit = Literal["batches", "epochs", "seconds", "accuracy"]

_UNITS: dict[str, Unit] = {"": "batches", "e": "epochs", "s": "seconds", "%": "accuracy"}


@dataclass(frozen=True, slots=True)
class Amount:
    """How long to train. `value` is in mini-batches, epochs, seconds, or a share from 0 to 1."""

    value: float
    unit: Unit

    def __str__(self) -> str:
        """As a person would say it: `500 mini-batches`, `98 %`."""
        if self.unit == "accuracy":
            return f"{self.value:.10%}".rstrip("%").rstrip("0").rstrip(".") + " %"
        unit = "mini-batches" if self.unit == "batches" else self.unit
        return f"{self.value:,.12g} {unit}"

    @classmethod
    def parse(cls, text: str) -> "Amount":
        """Reads an amount as it is typed, also `5,000`. Raises ValueError for what is none."""
        match = re.fullmatch(
            r"(\d{1,3}(?:,\d{3}){1,3}|\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})(e|s|%|)", text.lower()
        )
        if not match:
            raise ValueError
        number, unit = Decimal(match[1].replace(",", "")), _UNITS[match[2]]
        if number == 0:
            raise ValueError("that is nothing")
        if unit == "batches" and number % 1:
            raise ValueError("mini-batches are counted in whole numbers")
        if unit == "accuracy":
            number /= 100  # a Decimal, so that 99.9% is the same number as 999 / 1000
            if number > 1:
                raise ValueError("an accuracy is at most 100%")
        return cls(float(number), unit)
