"""Curves that grow: the cost and the accuracy over the mini-batches, side by side."""

from collections.abc import Sequence
from time import perf_counter

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from digitnet.repl.views.screen import draws_blocks

ROWS = 10
"""Lines that the curves take, axes included."""
NARROWEST = 30
"""Columns that a curve needs."""
RARELY = 150
"""Drawing growing curves anew takes at most one part in so many of the time,"""
LONGEST_WAIT = 0.3
"""but not longer than so many seconds are waited: the first drawing has plotext to import."""
LARGEST_DRAWN = 1e100
"""Values are drawn up to here: the difference of larger ones may be no number."""
POINTS = 400
"""When there are more points than this, every second one is forgotten."""
IN_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")

Point = tuple[int, float]
"""A number of mini-batches and what was measured then."""


class Curves:
    """The cost and the accuracy of a training, drawn as wide as the screen is.

    Drawn anew only now and then, because drawing takes some milliseconds.
    """

    def __init__(self, cost: Sequence[Point] = (), accuracy: Sequence[Point] = ()) -> None:
        """Begins with these points."""
        self.cost, self.accuracy = list(cost), list(accuracy)
        self._drawn: RenderableType = ""
        self._size = (0, 0)
        self._not_before = 0.0

    def add(self, batches: int, cost: float, accuracy: float) -> None:
        """Adds a point to each curve; where the accuracy stays, its last point moves on."""
        self.cost.append((batches, cost))
        if [value for _, value in self.accuracy[-2:]] == [accuracy, accuracy]:
            self.accuracy.pop()
        self.accuracy.append((batches, accuracy))
        for points in (self.cost, self.accuracy):
            if len(points) > POINTS:
                del points[1:-1:2]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The two side by side, the cost alone on a narrow screen, nothing on a tiny one."""
        size = (options.max_width, console.height)
        if len(self.cost) < 2 or options.max_width < NARROWEST or console.height < ROWS + 2:
            return
        now = perf_counter()
        if size != self._size or now >= self._not_before:
            blocks = draws_blocks(console, options)
            self._drawn = _draw(self.cost, self.accuracy, options.max_width, blocks=blocks)
            self._size = size
            self._not_before = now + min(RARELY * (perf_counter() - now), LONGEST_WAIT)
        yield self._drawn


def _draw(
    cost: Sequence[Point], accuracy: Sequence[Point], width: int, *, blocks: bool
) -> RenderableType:
    """The curve of the cost; that of the accuracy beside it, where there is room."""
    if len(accuracy) < 2 or width < 2 * NARROWEST:
        return _figure("cost", cost, width, "blue", blocks=blocks)
    percent = [(batches, 100 * share) for batches, share in accuracy]
    both = Table.grid()
    both.add_row(
        _figure("cost", cost, width // 2, "blue", blocks=blocks),
        _figure("validation accuracy, %", percent, width // 2, "green", blocks=blocks),
    )
    return both


def _figure(
    title: str, points: Sequence[Point], width: int, colour: str, *, blocks: bool
) -> RenderableType:
    """One curve, by plotext: in dots of an eighth of a character, or else in stars."""
    import plotext

    x = [batches for batches, _ in points]
    y = [min(max(value, -LARGEST_DRAWN), LARGEST_DRAWN) for _, value in points]
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, ROWS)
    plotext.theme("clear")
    plotext.title(title)
    plotext.plot(x, y, marker="braille" if blocks else "*", color=colour)
    plotext.xticks((x[0], x[-1]), (f"{x[0]:,}", f"{x[-1]:,}"))
    ends = sorted({min(y), max(y)})
    plotext.yticks(ends, [f"{end:.3g}" for end in ends])
    drawn = plotext.build().rstrip("\n")
    return Text.from_ansi(drawn if blocks else drawn.translate(IN_ASCII), no_wrap=True)
