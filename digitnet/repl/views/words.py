"""Formatting of numbers and times, and a sentence used by several results."""

from collections.abc import Sequence

SEEN_IN_TRAINING = "Warning: these cases were in its training set, so this is too good."
"""The warning for an accuracy on cases that the network was trained on."""


def counted(count: int, noun: str) -> str:
    """`1 mini-batch`, `1,234 mini-batches`, `30 epochs`."""
    ending = "" if count == 1 else "es" if noun.endswith("batch") else "s"
    return f"{count:,} {noun}{ending}"


def named(answer: int, names: Sequence[str]) -> str:
    """`7`, or `7 sneaker` if the data set's answers have names."""
    return f"{answer} {names[answer]}" if names else f"{answer}"


def legend(names: Sequence[str]) -> str:
    """`0 T-shirt, 1 trouser`."""
    return ", ".join(named(answer, names) for answer in range(len(names)))


def percent(fraction: float) -> str:
    """`97.87 %`."""
    return f"{fraction:.2%}".replace("%", " %")


def written(number: float) -> str:
    """A number in full, for an axis: `1,095`, `0.01`, `1e-5`."""
    return f"{number:,.12g}".replace("e-0", "e-").replace("e+0", "e")


def rounded(number: float) -> str:
    """A number to three significant digits, or to an integer: `0.0917`, `9,940`, `2e7`."""
    text = f"{number:,.0f}" if 1000 <= abs(number) < 1e6 else f"{number:.3g}"
    return text.replace("e-0", "e-").replace("e+0", "e")


def size(count: int) -> str:
    """A number of bytes: `812 B`, `3.2 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def duration(seconds: float) -> str:
    """A time: `0.4 s`, `75 s`, `12 min`, `3 h 20 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"


def clock(seconds: float) -> str:
    """A time in a line of numbers: like `duration`, but `1:52` from 100 seconds to an hour."""
    if not 99.5 <= seconds < 3599.5:
        return duration(seconds)
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02}"


def when(iso: str) -> str:
    """A time in ISO 8601, to the minute: `2026-01-31 12:00`."""
    return iso[:16].replace("T", " ")
