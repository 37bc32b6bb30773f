"""The outputs of a network as bars, with its guess and the answer."""

from collections.abc import Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from digitnet.repl.views.screen import draws_blocks

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


def outputs(
    values: Sequence[float], guess: int, answer: int, console: Console, options: ConsoleOptions
) -> Text:
    """One line an output: its number, a bar, its value; marks at the guess and the answer."""
    width = max(1, min(BAR, options.max_width - 19))
    blocks = draws_blocks(console, options)
    lines = []
    for index, value in enumerate(values):
        is_guess, is_answer = index == guess, index == answer
        if len(values) == 1:
            is_guess = is_answer = False
        mark = {(1, 1): "right", (1, 0): "guess", (0, 1): "answer"}.get((is_guess, is_answer), "")
        style = {"right": "bold green", "guess": "bold red", "answer": "bold yellow"}.get(mark, "")
        text = f"{index} {bar(value, width, blocks=blocks)} {value:6.3f} {mark}"
        lines.append(Text(text.rstrip(), style, no_wrap=True))
    return Text("\n").join(lines)


def verdict(guess: int, answer: int) -> Text:
    """`guess 7, answer 7: right`."""
    right = guess == answer
    return Text.assemble(
        f"guess {guess}, answer {answer}: ",
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
