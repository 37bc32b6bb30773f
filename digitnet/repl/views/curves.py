"""Curves over the mini-batches of a training: costs on the left, accuracies on the right."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, log10
from time import perf_counter

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from digitnet.engine.progress import Measurement
from digitnet.repl.views.screen import draws_blocks
from digitnet.repl.views.words import rounded, written

ROWS, MOST_ROWS = 10, 30
"""Lines that a chart takes at the least and at the most, axes included."""
LIVE_SHARE, TALLEST_SHARE = 0.4, 0.8
"""Parts of the screen's height that charts take: while a training is under way, and by themselves.
"""
NARROWEST = 30
"""Columns that a chart needs."""
RARELY = 150
"""Drawing growing curves anew takes at most one part in so many of the time,"""
LONGEST_WAIT = 0.3
"""but not longer than so many seconds are waited: the first drawing has plotext to import."""
LARGEST_DRAWN = 1e100
"""Values are drawn up to here: the difference of larger ones may be no number."""
POINTS = 400
"""Points that are drawn of a curve, at the most."""
TICK = 10
"""Columns that a power of ten takes on an axis."""
COLOURS = ("blue", "magenta", "green", "yellow", "cyan", "red")
MARKERS, ASCII_MARKERS = ("braille", "•", "+", "x", "o", "*"), ("*", "o", "+", "x", "#", "%")
IN_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")

Point = tuple[float, float]
"""A number of mini-batches, usually, and what was measured then."""


@dataclass(frozen=True)
class Curve:
    """A curve and its name, in a chart that has more than one."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Chart:
    """Curves with the same axes. Those without a second point are left out.

    names: whether their names stand beside the title. logarithmic: whether the x axis is; what is
    not above zero is then left out. marked: an x at which a line goes up.
    """

    title: str
    curves: Sequence[Curve]
    names: bool = False
    logarithmic: bool = False
    marked: float | None = None

    @property
    def drawn(self) -> list[tuple[int, Curve]]:
        """The curves that can be drawn, each with the number that its colour and marker have."""
        return [(k, curve) for k, curve in enumerate(self.curves) if len(self.shown(curve)) > 1]

    def shown(self, curve: Curve) -> Sequence[Point]:
        """The points of a curve that have a place on the axes."""
        if not self.logarithmic:
            return curve.points
        return [point for point in curve.points if point[0] > 0]


@dataclass(frozen=True)
class Curves:
    """Two charts side by side as wide as the screen is; the first alone on a narrow screen, nothing
    on a tiny one.

    growing: whether the second keeps its place while it has too few points to be drawn.
    """

    charts: tuple[Chart, Chart]
    share: float = TALLEST_SHARE
    growing: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """What there is to show."""
        first, second = self.charts
        if not first.drawn or options.max_width < NARROWEST or console.height < ROWS + 2:
            return
        rows = _rows(self.share, console)
        blocks = draws_blocks(console, options)
        if options.max_width < 2 * NARROWEST or not (second.drawn or self.growing):
            yield picture(first, options.max_width, rows, blocks=blocks)
            return
        both, width = Table.grid(), options.max_width // 2
        pictures = [picture(first, width, rows, blocks=blocks)]
        if second.drawn:
            pictures.append(picture(second, width, rows, blocks=blocks))
        both.add_row(*pictures)
        yield both


def _rows(share: float, console: Console) -> int:
    """Lines that charts take which have this share of the screen."""
    return min(max(ROWS, int(share * console.height)), MOST_ROWS)


def live_rows(console: Console) -> int:
    """Lines that the charts take while a training is under way."""
    return _rows(LIVE_SHARE, console)


def history_curves(histories: dict[str, Sequence[Measurement]]) -> Curves:
    """What was measured in a training: both costs, and the accuracy; of several, each by its name,
    the cost and the accuracy on the validation set.
    """
    validation = [
        Curve(name, [(m.batches, m.validation_cost) for m in history])
        for name, history in histories.items()
    ]
    accuracies = [
        Curve(name, [(m.batches, 100 * m.validation_accuracy) for m in history])
        for name, history in histories.items()
    ]
    title = "validation cost"
    if len(histories) == 1:
        (history,) = histories.values()
        costs = [(m.batches, m.cost) for m in history]
        validation = [Curve("training", costs), Curve("validation", validation[0].points)]
        title = "cost"
    return Curves((Chart(title, validation, True), Chart("validation accuracy, %", accuracies)))


@dataclass
class GrowingCurves:
    """The costs and the accuracy of a training under way.

    Drawn anew only now and then, because drawing takes some milliseconds.
    """

    cost: list[Point] = field(default_factory=list)
    validation_cost: list[Point] = field(default_factory=list)
    accuracy: list[Point] = field(default_factory=list)
    _drawn: list[RenderableType | Segment] = field(default_factory=list)
    _size: tuple[int, int] = (0, 0)
    _not_before: float = 0.0

    def add(self, batches: int, cost: float) -> None:
        """Adds a point to the curve of the training's cost."""
        _add(self.cost, (batches, cost))

    def add_measured(self, batches: int, cost: float, accuracy: float) -> None:
        """Adds a point to each of the curves of the validation set."""
        _add(self.validation_cost, (batches, cost))
        _add(self.accuracy, (batches, 100 * accuracy))

    @property
    def now(self) -> Curves:
        """As they are, in the middle of a training."""
        return replace(self.whole, growing=True)

    @property
    def whole(self) -> Curves:
        """As they are, with no more to come."""
        costs = [Curve("training", self.cost), Curve("validation", self.validation_cost)]
        accuracy = Chart("validation accuracy, %", [Curve("", self.accuracy)])
        return Curves((Chart("cost", costs, True), accuracy), LIVE_SHARE)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As they were drawn last, or as they are."""
        size, now = (options.max_width, console.height), perf_counter()
        if size != self._size or now >= self._not_before:
            self._drawn = list(self.now.__rich_console__(console, options))
            self._size = size
            done = perf_counter()
            self._not_before = done + min(RARELY * (done - now), LONGEST_WAIT)
        yield from self._drawn


def _add(points: list[Point], point: Point) -> None:
    """Adds a point; of too many, every second one is forgotten."""
    points.append(point)
    if len(points) > POINTS:
        del points[1:-1:2]


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most POINTS of them, the first and the last among these."""
    step = ceil((len(points) - 1) / (POINTS - 1)) if len(points) > 1 else 1
    return [*points[:-1:step], points[-1]]


def picture(chart: Chart, width: int, rows: int, *, blocks: bool) -> RenderableType:
    """A chart with its title, and the name of each curve beside its marker."""
    title = Text(chart.title, no_wrap=True, overflow="crop", justify="center")
    if chart.names:
        for number, curve in chart.drawn:
            marker = _marker(number, blocks=blocks)
            sign = "⠒" if marker == "braille" else marker
            title.append(f"  {sign} {curve.name}", COLOURS[number % len(COLOURS)])
    return Group(title, _plot(chart, width, rows - 1, blocks=blocks))


def _marker(number: int, *, blocks: bool) -> str:
    markers = MARKERS if blocks else ASCII_MARKERS
    return markers[number % len(markers)]


def _plot(chart: Chart, width: int, rows: int, *, blocks: bool) -> RenderableType:
    """The curves and their axes, by plotext: the first in dots of an eighth of a character."""
    import plotext

    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, rows)
    plotext.theme("clear")
    xs: list[float] = []
    ys: list[float] = []
    for number, curve in chart.drawn:
        points = thinned(chart.shown(curve))
        x = [log10(value) if chart.logarithmic else value for value, _ in points]
        y = [min(max(value, -LARGEST_DRAWN), LARGEST_DRAWN) for _, value in points]
        colour = COLOURS[number % len(COLOURS)]
        plotext.plot(x, y, marker=_marker(number, blocks=blocks), color=colour)
        xs, ys = xs + x, ys + y
    if chart.marked is not None:
        plotext.vline(log10(chart.marked) if chart.logarithmic else chart.marked, "green")
    plotext.xticks(*_x_ticks(min(xs), max(xs), width, logarithmic=chart.logarithmic))
    low, high = min(ys), max(ys)
    parts = 1 if rows < 2 * ROWS - 2 else 4
    marks = sorted({low + (high - low) * k / parts for k in range(parts)} | {high})
    plotext.yticks(marks, [rounded(mark) for mark in marks])
    drawn = plotext.build().rstrip("\n")
    return Text.from_ansi(drawn if blocks else drawn.translate(IN_ASCII), no_wrap=True)


def _x_ticks(
    low: float, high: float, width: int, *, logarithmic: bool
) -> tuple[list[float], list[str]]:
    """Places along an x axis, and what is written there: its ends, or the powers of ten."""
    if not logarithmic:
        ends = sorted({low, high})
        return ends, [written(end) for end in ends]
    step = ceil((high - low) * TICK / width) or 1
    powers = [float(power) for power in range(ceil(low - 1e-9), floor(high + 1e-9) + 1)][::step]
    if len(powers) < 2:
        powers = sorted({low, high})
    return powers, [written(10.0**power) for power in powers]
