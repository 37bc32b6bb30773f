"""The confusion matrix: what was taken for what, with precision and recall of each digit."""

from math import isnan, sqrt
from typing import TYPE_CHECKING

from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.style import Style
from rich.text import Text

from digitnet.repl.views.screen import draws_blocks, draws_shades
from digitnet.repl.views.tables import rows

if TYPE_CHECKING:
    from digitnet.repl.commands.misreading import ConfusionResult

WIDEST = 6
"""Columns of a cell, at most."""
SHARE = 8
"""Columns of `recall` beside the matrix: a blank and `100.0 %`."""
RIGHT, WRONG = ((16, 52, 44), (22, 138, 96)), ((64, 26, 32), (216, 62, 62))
"""The shades of what is read right, and of what is not, from little to much."""
NAMED = 3
"""The largest confusions that are named, at most."""


def confusion(result: "ConfusionResult", console: Console, options: ConsoleOptions) -> Group:
    """The matrix, an answer a line and a guess a column; shares around it where there is room."""
    matrix = result.matrix
    digits = max(len(f"{count}") for row in matrix for count in row)
    beside = len("answer ") + len(matrix) * (digits + 2) + SHARE
    spare = (options.max_width - beside) // len(matrix)
    has_room = spare >= 0 and digits + 2 + spare >= len(" 99.9 ")
    # a cell holds ` 99.9 ` where precision stands below the columns
    width = min(digits + 2 + spare, WIDEST) if has_room else digits + 1
    grid = _grid(result, width, console, options, shares=has_room)
    if has_room:
        return Group(grid)
    return Group(grid, "", _shares(result))


def _grid(
    result: "ConfusionResult",
    width: int,
    console: Console,
    options: ConsoleOptions,
    *,
    shares: bool,
) -> Text:
    """The matrix in cells of this width."""
    matrix, count = result.matrix, len(result.matrix)
    margin = len("answer ") if shares else 2
    text = Text(no_wrap=True)
    heading = "guess" if shares else "answer down, guess across"
    text.append(f"{'answer' if shares else '':{margin}}{heading:^{count * width}}".rstrip(), "dim")
    text.append("\n" + " " * margin)
    text.append("".join(f"{digit:>{width - 1}} " for digit in range(count)), "bold")
    text.append(f"{'recall':>{SHARE}}" if shares else "", "dim")
    none = "·" if draws_blocks(console, options) else "."
    most = max((n for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j), default=0)
    for answer, row in enumerate(matrix):
        text.append(f"\n{answer:>{margin - 1}} ", "bold")
        for guess, cases in enumerate(row):
            part = result.recall[answer] if answer == guess else cases / max(most, 1)
            style = _shade(part, console, right=answer == guess) if cases else Style(dim=True)
            text.append(f"{cases or none:>{width - 1}} ", style)
        text.append(f"{_percent(result.recall[answer]):>{SHARE}}" if shares else "")
    if shares:
        text.append("\nprecision, %\n" + " " * margin, "dim")
        text.append("".join(f"{_number(share):>{width - 1}} " for share in result.precision))
    return text


def _shade(part: float, console: Console, *, right: bool) -> Style:
    """How a cell with some cases looks; part: how much of all it is, 0 to 1."""
    if not draws_shades(console):
        return Style(bold=True, color=None if right else "red")
    low, high = RIGHT if right else WRONG
    part = part**4 if right else sqrt(part)  # most of what is right is near 1
    red, green, blue = (a + part * (b - a) for a, b in zip(low, high, strict=True))
    return Style(color="#ffffff", bgcolor=Color.from_rgb(red, green, blue))


def _shares(result: "ConfusionResult") -> RenderableType:
    """Precision and recall in a table of their own, for narrow screens."""
    pairs = zip(result.precision, result.recall, strict=True)
    return rows(
        ("digit", "precision", "recall"),
        [(str(digit), _percent(p), _percent(r)) for digit, (p, r) in enumerate(pairs)],
        right="digit precision recall",
    )


def _number(share: float) -> str:
    """`98.2`, and `-` for a share of nothing."""
    return "-" if isnan(share) else f"{100 * share:.1f}" if share < 0.9995 else "100"


def _percent(share: float) -> str:
    return "-" if isnan(share) else f"{share:.1%}".replace("%", " %")


def confusions(result: "ConfusionResult") -> str:
    """The largest confusions: `Most often misread: 4 as 9 (12), 7 as 2 (8).`"""
    pairs = [
        (count, answer, guess)
        for answer, row in enumerate(result.matrix)
        for guess, count in enumerate(row)
        if answer != guess and count
    ]
    largest = sorted(pairs, key=lambda pair: -pair[0])[:NAMED]
    named = ", ".join(f"{answer} as {guess} ({count:,})" for count, answer, guess in largest)
    return f"Most often misread: {named}. wrong {largest[0][1]} {largest[0][2]} shows these."
