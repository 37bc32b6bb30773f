"""The question of a study: which settings are varied, how often, and the length of a training."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from digitnet.engine.amount import Amount
from digitnet.engine.settings import SETTINGS

SHAPE, EPOCHS, AUTO = "shape", "epochs", "auto"
"""What can be varied apart from settings, and the keyword for a search."""
FLAGS = ("--repeat", "--for")
DEFAULT_AMOUNT = Amount(5, "epochs")
MAX_RUNS = 10_000


@dataclass(frozen=True)
class Question:
    """A parsed question.

    axes: what is varied, each with its values as typed; every combination is tried.
    repeat: the number of seeds for each combination.
    amount: the length of each training, unless epochs are varied.
    seconds: the time limit of a search (`auto`); 0 for a grid.
    """

    axes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    repeat: int = 1
    amount: Amount = DEFAULT_AMOUNT
    seconds: float = 0.0

    @property
    def combinations(self) -> list[dict[str, str]]:
        """Every combination of the values, the last axis changing fastest."""
        found: list[dict[str, str]] = [{}]
        for name, values in self.axes:
            found = [one | {name: value} for one in found for value in values]
        return found


def varies(word: str) -> bool:
    """Whether a word starts a question, rather than being the name of a study."""
    return word in SETTINGS or word in (SHAPE, EPOCHS, AUTO, *FLAGS)


def parse(words: Sequence[str]) -> Question:
    """Reads `rate 0.1 1 batch 16 32 --repeat 5 --for 3e`, or `auto 10m`.

    Raises ValueError, with the reason, for an invalid question.
    """
    question, axes, rest = Question(), dict[str, list[str]](), list(words)
    current: list[str] | None = None
    while rest:
        word = rest.pop(0)
        if word in FLAGS:
            question = _flag(question, word, rest.pop(0) if rest else "")
            current = None
        elif word == AUTO:
            question = replace(question, seconds=_seconds(rest.pop(0) if rest else ""))
        elif varies(word):
            if word in axes:
                raise ValueError(f"{word} is varied twice")
            current = axes[word] = []
        elif current is None:
            known = f"{SHAPE}, {EPOCHS}, {', '.join(SETTINGS)}"
            raise ValueError(f"{word!r} cannot be varied. Choose from: {known}")
        else:
            current.append(word)
    question = replace(question, axes=tuple((name, tuple(axes[name])) for name in axes))
    _check(question)
    return question


def _check(question: Question) -> None:
    """Raises ValueError for a question that cannot be answered."""
    for name, values in question.axes:
        if not values:
            raise ValueError(f"{name} has no values to compare. Example: study rate 0.01 0.1")
        if len(set(values)) < len(values):
            raise ValueError(f"{name} has the same value twice")
        if name == EPOCHS:
            for value in values:
                _epochs(value)
    if question.seconds and question.axes:
        raise ValueError(f"{AUTO} chooses the settings itself: leave {question.axes[0][0]} out")
    runs = len(question.combinations) * question.repeat
    if runs > MAX_RUNS:
        raise ValueError(f"that is {runs:,} trainings; a study has at most {MAX_RUNS:,}")


def _flag(question: Question, flag: str, value: str) -> Question:
    """Returns the question with a flag set."""
    if flag == "--repeat":
        if not (value.isdecimal() and value.isascii() and 1 <= int(value[:9]) <= 1000):
            raise ValueError("--repeat takes a whole number from 1 to 1,000, as in --repeat 5")
        return replace(question, repeat=int(value))
    return replace(question, amount=_amount(value))


def _amount(text: str) -> Amount:
    """The length of each training; not in seconds, so that it is the same on every machine."""
    try:
        amount = Amount.parse(text)
    except ValueError:
        amount = None
    if amount is None or amount.unit not in ("batches", "epochs"):
        raise ValueError("--for takes mini-batches or epochs, as in --for 3e")
    return amount


def _epochs(text: str) -> Amount:
    """Parses a number of epochs; 0 means that the networks are not trained."""
    try:
        return Amount(0, "epochs") if text == "0" else Amount.parse(f"{text}e")
    except ValueError:
        raise ValueError(f"epochs are numbers from 0, not {text!r}") from None


def amount_of(question: Question, settings: dict[str, str]) -> Amount:
    """The length of the training with these settings."""
    return _epochs(settings[EPOCHS]) if EPOCHS in settings else question.amount


def _seconds(text: str) -> float:
    """Parses the time limit of a search: `90s`, `10m`, `2h`."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = text[:-1], text[-1:]
    if unit not in units or not (number.isdecimal() and number.isascii()) or not int(number[:9]):
        raise ValueError("auto takes a time: auto 90s, auto 10m, auto 2h")
    return float(int(number[:9]) * units[unit])
