"""The settings of a training: one record, from which `set`, the saves and the help are derived."""

from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite
from typing import Any

WHOLE_SET = 0
"""The value of `batch` that stands for all training cases at once."""


def _setting(
    default: Any, says: str, low: float, high: float = inf, *, open_low: bool = False
) -> Any:
    """A field with its meaning and its bounds, low ≤ value < high (low < value if `open_low`)."""
    bounds = {"says": says, "low": low, "high": high, "open_low": open_low}
    return field(default=default, metadata=bounds)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is trained. Immutable: `changed` gives a new record.

    Raises ValueError, with the reason, for a value out of bounds.
    """

    rate: float = _setting(0.1, "learning rate: how far each step goes", 0, open_low=True)
    batch: int = _setting(32, "cases in a mini-batch, or `all`", WHOLE_SET)
    momentum: float = _setting(0.0, "share of the last step that is taken again", 0, 1)
    l2: float = _setting(0.0, "weight of the L2 penalty, λ in λ/2 · Σw²", 0)

    def __post_init__(self) -> None:
        """Checks every value against its bounds and its type."""
        for f in fields(self):
            value, low, high = getattr(self, f.name), f.metadata["low"], f.metadata["high"]
            if isinstance(value, bool) or not isinstance(value, (int, f.type)):  # type: ignore[arg-type]
                raise ValueError(f"{f.name} is a number, not a {type(value).__name__}")
            too_low = value <= low if f.metadata["open_low"] else value < low
            if not isfinite(value) or too_low or value >= high:
                raise ValueError(f"{f.name} must be {_bounds(f.metadata)}, not {value}")

    def changed(self, name: str, text: str) -> "Settings":
        """These settings with the one called `name` set to the value written in `text`."""
        kind = next(f.type for f in fields(self) if f.name == name)
        value: Any
        if name == "batch" and text == "all":
            value = WHOLE_SET
        else:
            try:
                value = int(text) if kind is int else float(text)
            except ValueError:
                what = "a whole number" if kind is int else "a number"
                extra = " or `all`" if name == "batch" else ""
                raise ValueError(f"{name} is {what}{extra}, not {text!r}") from None
        return replace(self, **{name: value})


def _bounds(metadata: Any) -> str:
    """The bounds in words."""
    low = f"above {metadata['low']}" if metadata["open_low"] else f"at least {metadata['low']}"
    return low if metadata["high"] == inf else f"{low} and below {metadata['high']}"


SETTINGS = {f.name: str(f.metadata["says"]) for f in fields(Settings)}
"""name → what it means."""
