"""`cm`: the confusion matrix, with precision and recall of each digit."""

from dataclasses import dataclass
from math import isnan, sqrt

from rich.color import Color
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.style import Style
from rich.text import Text

from digitnet.engine.evaluate import precision, recall
from digitnet.repl.command import command
from digitnet.repl.features.wrong import _guesses, _seen
from digitnet.repl.pictures.screen import draws_blocks, draws_shades
from digitnet.repl.pictures.tables import SEEN_IN_TRAINING, Rows, legend, percent
from digitnet.repl.result import Record, ScreenOnly
from digitnet.repl.session import Session


@dataclass(frozen=True)
class ConfusionResult(Record):
    """The confusion matrix: cases by answer (rows) and guess (columns)."""

    matrix: list[list[int]]
    precision: list[float]
    recall: list[float]
    correct: int
    total: int
    set: str
    seen_in_training: bool
    names: ScreenOnly[tuple[str, ...]] = ()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield confusion(self, console, options)
        yield ""
        yield (
            f"{self.correct:,} of {self.total:,} right: {percent(self.correct / self.total)} of "
            f"the {self.set} set"
        )
        if self.correct < self.total:
            yield confusions(self)
        if self.names:
            yield legend(self.names)
        if self.seen_in_training:
            yield SEEN_IN_TRAINING


@command(
    "cm",
    "confusion",
    group="Asking",
    examples={"cm cm.svg": "draw it in a file", "cm": "for the whole test set"},
    is_picture=True,
)
def cm(session: Session) -> ConfusionResult:
    """Show the confusion matrix of the test set, with precision and recall of each digit.

    A row holds the cases with one answer, a column those with one guess. Recall is the fraction of
    an answer's cases that are read correctly; precision is the fraction of a guess that is correct.
    """
    model = session.network()
    data = session.data_for(model)
    matrix = _guesses(session, model, data).matrix()
    return ConfusionResult(
        matrix.tolist(),
        precision(matrix).tolist(),
        recall(matrix).tolist(),
        int(matrix.trace()),
        int(matrix.sum()),
        f"{data.name} test",
        _seen(data, model),
        data.answers,
    )


MAX_CELL = 6
"""Maximum width of a cell."""

RECALL_WIDTH = 8
"""Width of the recall beside the matrix: a space and `100.0 %`."""

RIGHT, WRONG = ((16, 52, 44), (22, 138, 96)), ((64, 26, 32), (216, 62, 62))
"""The darkest and lightest background of correct and of misread counts."""

MAX_NAMED = 3
"""Maximum number of confusions to name."""


def confusion(result: "ConfusionResult", console: Console, options: ConsoleOptions) -> Group:
    """The matrix, a row per answer, a column per guess; with precision and recall if they fit."""
    matrix = result.matrix
    digits = max(len(f"{count}") for row in matrix for count in row)
    beside = len("answer ") + len(matrix) * (digits + 2) + RECALL_WIDTH
    spare = (options.max_width - beside) // len(matrix)
    has_room = spare >= 0 and digits + 2 + spare >= len(" 99.9 ")
    # a cell holds ` 99.9 ` where precision stands below the columns
    width = min(digits + 2 + spare, MAX_CELL) if has_room else digits + 1
    grid = _grid(result, width, console, options, with_rates=has_room)
    if has_room:
        return Group(grid)
    return Group(grid, "", _rates(result))


def _grid(
    result: "ConfusionResult",
    width: int,
    console: Console,
    options: ConsoleOptions,
    *,
    with_rates: bool,
) -> Text:
    """The matrix in cells of this width."""
    matrix, count = result.matrix, len(result.matrix)
    margin = len("answer ") if with_rates else 2
    text = Text(no_wrap=True)
    heading = "guess" if with_rates else "answer down, guess across"
    text.append(
        f"{'answer' if with_rates else '':{margin}}{heading:^{count * width}}".rstrip(), "dim"
    )
    text.append("\n" + " " * margin)
    text.append("".join(f"{digit:>{width - 1}} " for digit in range(count)), "bold")
    text.append(f"{'recall':>{RECALL_WIDTH}}" if with_rates else "", "dim")
    none = "·" if draws_blocks(console, options) else "."
    most = max((n for i, row in enumerate(matrix) for j, n in enumerate(row) if i != j), default=0)
    for answer, row in enumerate(matrix):
        text.append(f"\n{answer:>{margin - 1}} ", "bold")
        for guess, cases in enumerate(row):
            part = result.recall[answer] if answer == guess else cases / max(most, 1)
            style = _shade(part, console, right=answer == guess) if cases else Style(dim=True)
            text.append(f"{cases or none:>{width - 1}} ", style)
        text.append(f"{_percent(result.recall[answer]):>{RECALL_WIDTH}}" if with_rates else "")
    if with_rates:
        text.append("\nprecision, %\n" + " " * margin, "dim")
        text.append("".join(f"{_number(rate):>{width - 1}} " for rate in result.precision))
    return text


def _shade(part: float, console: Console, *, right: bool) -> Style:
    """The style of a cell that is not zero. part: its size, 0 to 1."""
    if not draws_shades(console):
        return Style(bold=True, color=None if right else "red")
    low, high = RIGHT if right else WRONG
    part = part**4 if right else sqrt(part)  # recalls are mostly near 1
    red, green, blue = (a + part * (b - a) for a, b in zip(low, high, strict=True))
    return Style(color="#ffffff", bgcolor=Color.from_rgb(red, green, blue))


def _rates(result: "ConfusionResult") -> RenderableType:
    """Precision and recall as a separate table, for narrow screens."""
    pairs = zip(result.precision, result.recall, strict=True)
    return Rows(
        ("digit", "precision", "recall"),
        [(str(digit), _percent(p), _percent(r)) for digit, (p, r) in enumerate(pairs)],
        numbers=("digit", "precision", "recall"),
    )


def _number(rate: float) -> str:
    """`98.2`, or `-` for NaN."""
    return "-" if isnan(rate) else f"{100 * rate:.1f}" if rate < 0.9995 else "100"


def _percent(rate: float) -> str:
    return "-" if isnan(rate) else f"{rate:.1%}".replace("%", " %")


def confusions(result: "ConfusionResult") -> str:
    """The largest confusions: `Most often misread: 4 as 9 (12), 7 as 2 (8).`"""
    pairs = [
        (count, answer, guess)
        for answer, row in enumerate(result.matrix)
        for guess, count in enumerate(row)
        if answer != guess and count
    ]
    largest = sorted(pairs, key=lambda pair: -pair[0])[:MAX_NAMED]
    named = ", ".join(f"{answer} as {guess} ({count:,})" for count, answer, guess in largest)
    return f"Most often misread: {named}. wrong {largest[0][1]} {largest[0][2]} shows these."
