"""The outputs of a network as bars, with its guess and the answer."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.words import named

BAR = 20
EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(share: float, width: int, *, blocks: bool) -> str:
    """A bar of `width` characters, filled to `share` (0 to 1)."""
    share = min(max(share, 0.0), 1.0)
    if not blocks:
        return ("#" * round(share * width)).ljust(width)
    eighths = round(share * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)


MARKS = {"right": "bold green", "guess": "bold red", "answer": "bold yellow"}
"""What stands beside an output, and the colours of its line."""


def mark(index: int, guess: int | None, answer: int | None) -> str:
    """Which of MARKS an output has; empty for none."""
    marks = {(True, True): "right", (True, False): "guess", (False, True): "answer"}
    return marks.get((index == guess, index == answer), "")


def outputs(
    values: Sequence[float],
    guess: int,
    answer: int | None,
    console: Console,
    options: ConsoleOptions,
) -> Text:
    """One line an output: its number, a bar, its value; marks at the guess and the answer.

    answer: None where it is not known.
    """
    width = max(1, min(BAR, options.max_width - 19))
    blocks = draws_blocks(console, options)
    lines = []
    for index, value in enumerate(values):
        said = mark(index, guess, answer) if len(values) > 1 else ""
        style = "bold" if answer is None and said else MARKS.get(said, "")
        text = f"{index} {bar(value, width, blocks=blocks)} {value:6.3f} {said}"
        lines.append(Text(text.rstrip(), style, no_wrap=True))
    return Text("\n").join(lines)


def verdict(guess: int, answer: int | None, names: Sequence[str] = ()) -> Text:
    """`guess 7, answer 7: right`; `guess 7` where the answer is not known.

    names: what the answers are called, where they are not digits.
    """
    if answer is None:
        return Text(f"guess {named(guess, names)}", "bold")
    right = guess == answer
    return Text.assemble(
        f"guess {named(guess, names)}, answer {named(answer, names)}: ",
        ("right", "bold green") if right else ("wrong", "bold red"),
    )


def side_by_side(
    left: RenderableType, right: RenderableType, room: int, needed: int
) -> RenderableType:
    """Both next to each other where there is room for it, else one above the other."""
    if room < needed:
        return Group(left, right)
    table = Table.grid(padding=(0, 3))
    table.add_row(left, right)
    return table
