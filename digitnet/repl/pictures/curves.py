"""Curves: costs and accuracies over a training, drawn with plotext."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor, log10
from time import perf_counter

import plotext
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from digitnet.engine.trainer import Measurement
from digitnet.repl.pictures import draws_blocks
from digitnet.repl.pictures.tables import rounded, written

MIN_ROWS, MAX_ROWS = 10, 30
"""Minimum and maximum lines of a chart, axes included."""

LIVE_FRACTION, MAX_FRACTION = 0.4, 0.8
"""Fraction of the screen's height for charts during training, and otherwise."""

MIN_COLUMNS = 30
"""Minimum columns of a chart."""

REDRAW_RATIO = 150
"""Growing curves are redrawn after this many times the time that drawing took,"""

MAX_WAIT = 0.3
"""but at least at this interval in seconds."""

MAX_VALUE = 1e100
"""Values are clipped to this: differences of larger ones may overflow."""

MAX_POINTS = 400
"""Maximum number of points of a curve."""

TICK_COLUMNS = 10
"""Columns per power of ten on an axis."""

COLOURS = ("blue", "magenta", "green", "yellow", "cyan", "red")

MARKERS, ASCII_MARKERS = ("braille", "•", "+", "x", "o", "*"), ("*", "o", "+", "x", "#", "%")

IN_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼", "-|+++++++++")

Point = tuple[float, float]
"""(x, y); x is usually a number of mini-batches."""


@dataclass(frozen=True)
class Chart:
    """Curves by name, with common axes. A curve with fewer than two points is not drawn.

    names: whether to show the curves' names beside the title. logarithmic: whether the x axis is
    logarithmic; points with x ≤ 0 are then left out. marked: an x to mark with a vertical line.
    """

    title: str
    curves: Mapping[str, Sequence[Point]]
    names: bool = False
    logarithmic: bool = False
    marked: float | None = None

    @property
    def drawn(self) -> list[tuple[int, str, Sequence[Point]]]:
        """The curves that can be drawn, each with its index, which sets its colour and marker."""
        curves = self.curves
        if self.logarithmic:
            curves = {name: [p for p in points if p[0] > 0] for name, points in curves.items()}
        return [(k, *curve) for k, curve in enumerate(curves.items()) if len(curve[1]) > 1]


@dataclass(frozen=True)
class Curves:
    """Two charts side by side; the first alone on a narrow screen, nothing on a tiny one.

    fraction: of the screen's height. growing: whether to reserve the second chart's place while it
    has too few points.
    """

    charts: tuple[Chart, Chart]
    fraction: float = MAX_FRACTION
    growing: bool = False

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        first, second = self.charts
        if not first.drawn or options.max_width < MIN_COLUMNS or console.height < MIN_ROWS + 2:
            return
        rows, blocks = rows_of(console, self.fraction), draws_blocks(console, options)
        side_by_side = options.max_width >= 2 * MIN_COLUMNS and (second.drawn or self.growing)
        charts = [first, second] if side_by_side and second.drawn else [first]
        width = options.max_width // 2 if side_by_side else options.max_width
        row = Table.grid()
        row.add_row(*(picture(chart, width, rows, blocks=blocks) for chart in charts))
        yield row


def rows_of(console: Console, fraction: float = LIVE_FRACTION) -> int:
    """The lines of a chart that takes this fraction of the screen."""
    return min(max(MIN_ROWS, int(fraction * console.height)), MAX_ROWS)


def history_curves(histories: dict[str, Sequence[Measurement]]) -> Curves:
    """The curves of training histories, by network name.

    For one network: training and validation cost, and validation accuracy. For several: validation
    cost and accuracy of each.
    """
    costs, accuracies = dict[str, list[Point]](), dict[str, list[Point]]()
    for name, history in histories.items():
        costs[name] = [(m.batches, m.validation_cost) for m in history]
        accuracies[name] = [(m.batches, 100 * m.validation_accuracy) for m in history]
    chart = Chart("validation cost", costs, True)
    if len(histories) == 1:
        training: list[Point] = [(m.batches, m.cost) for m in history]
        chart = Chart("cost", {"training": training, "validation": costs[name]}, True)
    return Curves((chart, Chart("validation accuracy, %", accuracies)))


@dataclass
class GrowingCurves:
    """The costs and the validation accuracy of a running training.

    They are redrawn only now and then, because drawing takes some milliseconds.
    """

    cost: list[Point] = field(default_factory=list)
    validation_cost: list[Point] = field(default_factory=list)
    accuracy: list[Point] = field(default_factory=list)
    _drawn: list[RenderableType | Segment] = field(default_factory=list)
    _size: tuple[int, int] = (0, 0)
    _not_before: float = 0.0

    def add(self, batches: int, cost: float) -> None:
        _add(self.cost, (batches, cost))

    def add_measured(self, batches: int, cost: float, accuracy: float) -> None:
        _add(self.validation_cost, (batches, cost))
        _add(self.accuracy, (batches, 100 * accuracy))

    @property
    def whole(self) -> Curves:
        """The curves of a finished training."""
        costs = {"training": self.cost, "validation": self.validation_cost}
        accuracy = Chart("validation accuracy, %", {"": self.accuracy})
        return Curves((Chart("cost", costs, True), accuracy), LIVE_FRACTION)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Renders the curves, or yields the last rendering if it is recent."""
        size, now = (options.max_width, console.height), perf_counter()
        if size != self._size or now >= self._not_before:
            growing = replace(self.whole, growing=True)
            self._drawn = list(growing.__rich_console__(console, options))
            self._size = size
            done = perf_counter()
            self._not_before = done + min(REDRAW_RATIO * (done - now), MAX_WAIT)
        yield from self._drawn


def _add(points: list[Point], point: Point) -> None:
    """Adds a point; if there are too many, drops every second one."""
    points.append(point)
    if len(points) > MAX_POINTS:
        del points[1:-1:2]


def thinned(points: Sequence[Point]) -> list[Point]:
    """At most MAX_POINTS of the points, including the first and the last."""
    step = ceil((len(points) - 1) / (MAX_POINTS - 1)) if len(points) > 1 else 1
    return [*points[:-1:step], points[-1]]


def _look(number: int, *, blocks: bool) -> tuple[str, str]:
    """The marker and colour of a curve."""
    markers = MARKERS if blocks else ASCII_MARKERS
    return markers[number % len(COLOURS)], COLOURS[number % len(COLOURS)]


def picture(chart: Chart, width: int, rows: int, *, blocks: bool) -> RenderableType:
    """A chart under its title and legend."""
    title = Text(chart.title, no_wrap=True, overflow="crop")
    if chart.names:
        for number, name, _ in chart.drawn:
            marker, colour = _look(number, blocks=blocks)
            title.append(f"  {'⠒' if marker == 'braille' else marker} {name}", colour)
    title.align("center", width)
    return Group(title, _plot(chart, width, rows - 1, blocks=blocks))


def _plot(chart: Chart, width: int, rows: int, *, blocks: bool) -> RenderableType:
    """Draws the curves and axes with plotext; the first curve in braille dots."""
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.plotsize(width, rows)
    plotext.theme("clear")
    xs: list[float] = []
    ys: list[float] = []
    for number, _, curve in chart.drawn:
        points = thinned(curve)
        x = [log10(value) if chart.logarithmic else value for value, _ in points]
        y = [min(max(value, -MAX_VALUE), MAX_VALUE) for _, value in points]
        marker, colour = _look(number, blocks=blocks)
        plotext.plot(x, y, marker=marker, color=colour)
        xs, ys = xs + x, ys + y
    if chart.marked is not None:
        plotext.vline(log10(chart.marked) if chart.logarithmic else chart.marked, "green")
    plotext.xticks(*_x_ticks(min(xs), max(xs), width, logarithmic=chart.logarithmic))
    low, high = min(ys), max(ys)
    parts = 1 if rows < 2 * MIN_ROWS - 2 else 4
    marks = sorted({low + (high - low) * k / parts for k in range(parts)} | {high})
    plotext.yticks(marks, [rounded(mark) for mark in marks])
    drawn = plotext.build().rstrip("\n")
    return Text.from_ansi(drawn if blocks else drawn.translate(IN_ASCII), no_wrap=True)


def _x_ticks(
    low: float, high: float, width: int, *, logarithmic: bool
) -> tuple[list[float], list[str]]:
    """The positions and labels of the x axis: its ends, or powers of ten."""
    if not logarithmic:
        ends = sorted({low, high})
        return ends, [written(end) for end in ends]
    step = ceil((high - low) * TICK_COLUMNS / width) or 1
    powers = [float(power) for power in range(ceil(low - 1e-9), floor(high + 1e-9) + 1)][::step]
    if len(powers) < 2:
        powers = sorted({low, high})
    return powers, [written(10.0**power) for power in powers]
