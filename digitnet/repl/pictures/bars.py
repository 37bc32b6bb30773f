"""The outputs of a network as bars, and what it guessed."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.pictures.screen import draws_blocks
from digitnet.repl.pictures.tables import named

BAR = 20

EIGHTHS = " ▏▎▍▌▋▊▉█"


def bar(fraction: float, width: int, *, blocks: bool) -> str:
    """A bar of `width` characters, filled to `fraction` (0 to 1)."""
    fraction = min(max(fraction, 0.0), 1.0)
    if not blocks:
        return ("#" * round(fraction * width)).ljust(width)
    eighths = round(fraction * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (EIGHTHS[part] if part else "")).ljust(width)


LABEL_STYLES = {"right": "bold green", "guess": "bold red", "answer": "bold yellow"}
"""The label beside an output → the style of its line."""


def label_for(index: int, guess: int | None, answer: int | None) -> str:
    """The label of an output; empty for none."""
    labels = {(True, True): "right", (True, False): "guess", (False, True): "answer"}
    return labels.get((index == guess, index == answer), "")


def outputs(
    values: Sequence[float],
    guess: int,
    answer: int | None,
    console: Console,
    options: ConsoleOptions,
) -> Text:
    """A line for each output: its index, a bar, its value, and a label if it is guess or answer.

    answer: None if unknown.
    """
    width = max(1, min(BAR, options.max_width - 19))
    blocks = draws_blocks(console, options)
    lines = []
    for index, value in enumerate(values):
        label = label_for(index, guess, answer) if len(values) > 1 else ""
        style = "bold" if answer is None and label else LABEL_STYLES.get(label, "")
        text = f"{index} {bar(value, width, blocks=blocks)} {value:6.3f} {label}"
        lines.append(Text(text.rstrip(), style, no_wrap=True))
    return Text("\n").join(lines)


def verdict(guess: int, answer: int | None, names: Sequence[str] = ()) -> Text:
    """`guess 7, answer 7: right`, or `guess 7` if the answer is unknown.

    names: of the answers, if they are not digits.
    """
    if answer is None:
        return Text(f"guess {named(guess, names)}", "bold")
    right = guess == answer
    return Text.assemble(
        f"guess {named(guess, names)}, answer {named(answer, names)}: ",
        ("right", "bold green") if right else ("wrong", "bold red"),
    )


def side_by_side(
    left: RenderableType, right: RenderableType, width: int, needed: int
) -> RenderableType:
    """Both side by side if there is enough width, else one above the other."""
    if width < needed:
        return Group(left, right)
    table = Table.grid(padding=(0, 3))
    table.add_row(left, right)
    return table
