"""The training settings: one record, from which `set`, the saves and the help are derived."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any

from digitnet.engine.augment import NAMED, Augment
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.schedules import SCHEDULES, Schedule, without_commas

WHOLE_SET = 0  # the value of `batch` and `cases` that means all training cases

MAX_TEXT = 200
Check = Callable[[Any], object]  # raises ValueError, with the reason, for an invalid value


def _number(words: str, is_valid: Callable[[float], bool]) -> Check:
    """Checks for a finite number that is valid, which `words` describe."""

    def check(value: Any) -> None:
        if type(value) not in (int, float):
            raise ValueError(f"is a number, not a {type(value).__name__}")
        if not isfinite(value) or not is_valid(value):
            finite = "" if isfinite(value) else "a finite number "
            raise ValueError(f"must be {finite}{words}, not {value:g}")

    return check


_POSITIVE = _number("above 0", lambda value: value > 0)
_FROM_0 = _number("at least 0", lambda value: value >= 0)
_BELOW_1 = _number("at least 0 and below 1", lambda value: 0 <= value < 1)
_UP_TO_99 = _number("at least 0 and at most 0.99", lambda value: 0 <= value <= 0.99)
_UP_TO_1 = _number("at least 0 and at most 1", lambda value: 0 <= value <= 1)


def _whole(value: Any) -> None:
    if type(value) is not int:
        raise ValueError(f"is a whole number, not a {type(value).__name__}")
    if not 0 <= value < 10**9:
        raise ValueError(f"must be at least 0 and below {10**9:,}, not {value:,}")


def _one_of(names: Collection[str]) -> Check:
    def check(value: Any) -> None:
        if not isinstance(value, str) or value not in names:
            raise ValueError(f"is one of {', '.join(names)}")

    return check


Names = Callable[[], Mapping[str, str]]  # returns a setting's named values, with descriptions
ALL = {"all": "the whole training set"}
PIXELS = {"unit": "0 to 1", "raw": "0 to 255"}


def first_line(of: object) -> str:
    """The first line of the docstring of what a setting or a shape names."""
    return (of.__doc__ or "").partition("\n")[0]


def _augments() -> Mapping[str, str]:
    return {
        name: ", ".join(
            f"{k} {v:g}" for k, v in asdict(augment).items() if v != getattr(NAMED["none"], k)
        )
        or "as they are"
        for name, augment in NAMED.items()
    }


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is a name, not a {type(value).__name__}")
    if not (value.isascii() and value.isprintable() and len(value) <= MAX_TEXT):
        raise ValueError("is written in plain characters")
    return value


def _field(default: Any, meaning: str, check: Check, names: Names = dict) -> Any:
    return field(default=default, metadata={"meaning": meaning, "check": check, "names": names})


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is trained. Raises ValueError, with the reason, for an invalid value."""

    optimizer: str = _field(
        "sgd",
        "how the gradient changes the weights",
        _one_of(OPTIMIZERS),
        lambda: {name: first_line(optimizer) for name, optimizer in OPTIMIZERS.items()},
    )
    rate: float = _field(0.1, "learning rate: the size of each step", _POSITIVE)
    schedule: str = _field(
        "constant",
        "how the rate changes over each t, or over a horizon: cosine 20e",
        lambda value: _text(value) in SCHEDULES or Schedule.parse(value),
        lambda: {name: first_line(curve.factor) for name, curve in SCHEDULES.items()},
    )
    momentum: float = _field(0.9, "momentum coefficient, for optimizers that have one", _BELOW_1)
    batch: int = _field(32, "cases in a mini-batch, or all", _whole, lambda: ALL)
    l2: float = _field(0.0, "weight of the L2 penalty, half the sum of squared weights", _FROM_0)
    l1: float = _field(0.0, "weight of the L1 penalty, the sum of the absolute weights", _FROM_0)
    max_norm: float = _field(0.0, "cap on the norm of the weights into a unit; 0: none", _FROM_0)
    clip: float = _field(0.0, "cap on the norm of the gradient; 0: none", _FROM_0)
    dropout: float = _field(0.0, "probability that a hidden unit is left out of a case", _UP_TO_99)
    average: float = _field(
        0.0,
        "decay of the running mean of weights used for answers; 1: over a growing span; 0: none",
        _UP_TO_1,
    )
    augment: str = _field(
        "none",
        "how much cases are augmented: none, light, strong or rotation=12,shift=2",
        lambda value: _text(value) in NAMED or Augment.parse(value),
        _augments,
    )
    smoothing: float = _field(0.0, "label smoothing: fraction spread over all answers", _BELOW_1)
    patience: int = _field(
        0, "epochs without improvement until t stops; it keeps the best weights. 0: never", _whole
    )
    cases: int = _field(WHOLE_SET, "how many training cases are used, or all", _whole, lambda: ALL)
    pixels: str = _field(
        "unit",
        "scale of the pixels: unit (0 to 1) or raw (0 to 255)",
        _one_of(PIXELS),
        lambda: PIXELS,
    )

    def __post_init__(self) -> None:
        for f in fields(self):
            try:
                f.metadata["check"](getattr(self, f.name))
            except ValueError as error:
                raise ValueError(f"{f.name} {error}") from None

    def changed(self, name: str, text: str) -> "Settings":
        """These settings with `name` as `text` spells it. Raises ValueError, with the reason."""
        kind: Any = next(f.type for f in fields(self) if f.name == name)
        value: Any = text
        if name in ("batch", "cases") and text == "all":
            value = WHOLE_SET
        elif kind is not str:
            try:
                value = kind(without_commas(text))
            except ValueError:
                what = "a whole number" if kind is int else "a number"
                extra = " or all" if name in ("batch", "cases") else ""
                raise ValueError(f"{name} is {what}{extra}, not {text!r}") from None
        return replace(self, **{name: value})


def spelled(name: str, value: Any) -> str:
    """The value of a setting as `Settings.changed` takes it."""
    is_all = name in ("batch", "cases") and value == WHOLE_SET
    return "all" if is_all else str(value).removesuffix(".0")


def all_spelled(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {spelled(name, value)}" for name, value in settings.items())


SETTINGS = {f.name: str(f.metadata["meaning"]) for f in fields(Settings)}  # in words

NAMED_VALUES = {f.name: f.metadata["names"] for f in fields(Settings)}  # see `Names`
