"""Curves: costs and accuracies over a training, as text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from math import ceil, floor
from typing import TypeVar

import numpy as np
from rich.console import Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from digitnet.engine.arrays import Array
from digitnet.engine.trainer import Measurement
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.tables import rounded, written

MIN_ROWS, MAX_ROWS = 10, 30  # minimum and maximum lines of a chart, axes included

LIVE_FRACTION, MAX_FRACTION = 0.4, 0.8
"""Fraction of the screen's height for charts during training, and otherwise."""

MIN_COLUMNS = 30  # minimum columns of a chart
MAX_VALUE = 1e100  # values are clipped to this: differences of larger ones may overflow
MAX_POINTS = 400  # maximum number of points of a curve
TICK_COLUMNS = 10  # columns per power of ten on an axis

BATCHES = "mini-batches"

COLOURS = ("blue", "magenta", "green", "yellow", "cyan", "red")

MARKERS, ASCII_MARKERS = "⠒•+xo*", "*o+x#%"
"""Of each curve; the first one is drawn in dots of braille."""

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
"""The bits of the four by two dots of a braille character, which begin at BRAILLE."""

BRAILLE = 0x2800

IN_ASCII = str.maketrans("─│┌┐└┘┤┬", "-|++++++")

T = TypeVar("T")

Point = tuple[float, float]
"""(x, y); x is usually a number of mini-batches."""

Ticks = list[tuple[float, str]]
"""Positions on an axis, and what is written there."""


@dataclass(frozen=True)
class Chart:
    """Curves by name, with common axes. A curve with fewer than two points is not drawn.

    Names stand beside the title. log_x, log_y: whether an axis is logarithmic; points that are not
    above zero are then left out. marked: an x to mark with a vertical line. over: what x is, for
    pictures in files.
    """

    title: str
    curves: Mapping[str, Sequence[Point]]
    log_x: bool = False
    log_y: bool = False
    marked: float | None = None
    over: str = ""

    @cached_property
    def lines(self) -> list[tuple[int, str, Array]]:
        """The curves that can be drawn: number, which sets colour and marker, name and (x, y).

        x and y are (points,), thinned, and logarithms where an axis is logarithmic.
        """
        lines = []
        for number, (name, points) in enumerate(self.curves.items()):
            xy = np.array(thinned(points), float).reshape(-1, 2).T.clip(-MAX_VALUE, MAX_VALUE)
            for axis in (axis for axis in (0, 1) if (self.log_x, self.log_y)[axis]):
                xy = xy[:, xy[axis] > 0]
                xy[axis] = np.log10(xy[axis])
            if xy.shape[1] > 1:
                lines.append((number, name, xy))
        return lines

    @property
    def bounds(self) -> tuple[Array, Array]:
        every = np.hstack([xy for _, _, xy in self.lines])
        return every.min(axis=1), every.max(axis=1)

    def x_ticks(self, columns: int) -> Ticks:
        """The ends of the x axis and what is marked between, or powers of ten."""
        low, high = (float(end[0]) for end in self.bounds)
        if self.log_x:
            return _powers(low, high, columns // TICK_COLUMNS)
        marked = set() if self.marked is None else {self.marked}
        return [(x, written(x)) for x in sorted({low, high} | marked) if low <= x <= high]

    def y_ticks(self, rows: int) -> Ticks:
        low, high = (float(end[1]) for end in self.bounds)
        count = 1 if rows < 2 * MIN_ROWS - 2 else 4
        if self.log_y:
            return _powers(low, high, 2 * count)
        ticks = {low + (high - low) * k / count for k in range(count)} | {high}
        return [(tick, rounded(tick)) for tick in sorted(ticks)]


def _powers(low: float, high: float, most: int) -> Ticks:
    """About `most` powers of ten from 10^low to 10^high, or 1, 2 and 5 times these, or the ends."""
    powers = range(floor(low), ceil(high) + 1)
    for factors in ((1,), (1, 2, 5)):
        values = [factor * 10.0**power for power in powers for factor in factors]
        inside = [value for value in values if low - 1e-9 <= np.log10(value) <= high + 1e-9]
        if len(inside) > 2:
            inside = inside[:: ceil(len(inside) / (most + 1))]
            return [(float(np.log10(value)), written(value)) for value in inside]
    return [(end, written(10.0**end)) for end in sorted({low, high})]


def thinned(points: Sequence[T]) -> list[T]:
    """At most MAX_POINTS of the points, including the first and the last."""
    step = ceil((len(points) - 1) / (MAX_POINTS - 1)) if len(points) > 1 else 1
    return [*points[:-1:step], *points[-1:]]


@dataclass(frozen=True)
class Curves(Drawn):
    """Charts side by side, as many as fit, and the others below; nothing on a tiny screen.

    live: whether they are those of a training: then only a row of them, not very high, in which
    there is a place for a chart that has too few points yet.
    """

    charts: Sequence[Chart]
    live: bool = False

    def drawn(self, view: View) -> RenderResult:
        if not self.charts[0].lines or view.width < MIN_COLUMNS or view.height < MIN_ROWS + 2:
            return
        across = min(len(self.charts), view.width // MIN_COLUMNS)
        charts = [chart for chart in self.charts if chart.lines]
        if not self.live:
            across = min(across, len(charts))
        charts = charts[:across] if self.live else charts
        rows = rows_of(view, LIVE_FRACTION if self.live else MAX_FRACTION)
        rows = max(MIN_ROWS, rows // ceil(len(charts) / across))
        table = Table.grid()
        for start in range(0, len(charts), across):
            pictures = [picture(c, view.width // across, rows, blocks=view.blocks) for c in charts]
            table.add_row(*pictures[start : start + across])
        yield table


def rows_of(view: View, fraction: float = LIVE_FRACTION) -> int:
    """The lines of a chart that takes this fraction of the screen."""
    return min(max(MIN_ROWS, int(fraction * view.height)), MAX_ROWS)


LOG_RANGE = 30
"""Costs whose largest is this many times the smallest are drawn on a logarithmic axis."""


@dataclass
class GrowingCurves(Drawn):
    """The costs and the validation accuracy of a network, from the first measurement to now.

    rate: the learning rate, where it is known. since: the mini-batch at which this training began,
    which is marked. log: whether the costs are on a logarithmic axis; None where the range asks.
    """

    cost: list[Point] = field(default_factory=list)
    validation_cost: list[Point] = field(default_factory=list)
    accuracy: list[Point] = field(default_factory=list)
    rate: list[Point] = field(default_factory=list)
    since: int = 0
    log: bool | None = None

    @classmethod
    def of(
        cls, history: Sequence[Measurement], rate: list[Point], since: int = 0
    ) -> "GrowingCurves":
        """The curves so far. rate: is added to in place."""
        curves = cls(rate=rate, since=since)
        for m in thinned(history):
            curves.add(m.batches, m.cost)
            curves.add_measured(m.batches, m.validation_cost, m.validation_accuracy)
        return curves

    def add(self, batches: int, cost: float, rate: float | None = None) -> None:
        _add(self.cost, (batches, cost))
        if rate is not None:
            _add(self.rate, (batches, rate))

    def add_measured(self, batches: int, cost: float, accuracy: float) -> None:
        _add(self.validation_cost, (batches, cost))
        _add(self.accuracy, (batches, 100 * accuracy))

    def end(self, history: Sequence[Measurement]) -> None:
        """Adds the last measurement, which is made after the last report."""
        for m in history[-1:]:
            if self.accuracy and m.batches > self.accuracy[-1][0]:
                self.add_measured(m.batches, m.validation_cost, m.validation_accuracy)

    @property
    def charts(self) -> list[Chart]:
        costs, marked = {"training": self.cost, "validation": self.validation_cost}, self.since
        accuracy = {"": self.accuracy}
        return [
            cost_chart("cost", costs, self.log, marked or None),
            Chart("validation accuracy, %", accuracy, marked=marked or None, over=BATCHES),
        ]

    def drawn(self, view: View) -> RenderResult:
        yield Curves(self.charts, live=True)


def _add(points: list[Point], point: Point) -> None:
    """Adds a point; if there are too many, drops every second one."""
    points.append(point)
    if len(points) > MAX_POINTS:
        del points[1:-1:2]


def cost_chart(
    title: str,
    costs: Mapping[str, Sequence[Point]],
    log: bool | None = None,
    marked: float | None = None,
) -> Chart:
    """A chart of costs, on a logarithmic axis if `log`, or if it is None and the range asks."""
    values = [cost for points in costs.values() for _, cost in points]
    if log is None:
        log = bool(values) and 0 < LOG_RANGE * min(values) < max(values)
    title = f"{title} (log)" if log else title
    return Chart(title, costs, log_y=log, marked=marked, over=BATCHES)


def history_curves(
    histories: Mapping[str, Sequence[Measurement]], log: bool | None = None
) -> Curves:
    """The curves of training histories, by network name.

    For one network: training and validation cost, and validation accuracy. For several: validation
    cost and accuracy of each. log: see `cost_chart`.
    """
    if len(histories) == 1:
        (history,) = histories.values()
        curves = GrowingCurves.of(history, [])
        curves.log = log
        return Curves(curves.charts)
    costs, accuracies = dict[str, list[Point]](), dict[str, list[Point]]()
    for name, history in histories.items():
        costs[name] = [(m.batches, m.validation_cost) for m in history]
        accuracies[name] = [(m.batches, 100 * m.validation_accuracy) for m in history]
    return Curves(
        [
            cost_chart("validation cost", costs, log),
            Chart("validation accuracy, %", accuracies, over=BATCHES),
        ]
    )


def picture(chart: Chart, width: int, rows: int, *, blocks: bool) -> RenderableType:
    title = Text(chart.title, no_wrap=True, overflow="crop")
    for number, name, _ in (line for line in chart.lines if line[1]):
        title.append(f"  {_marker(number, blocks=blocks)} {name}", COLOURS[number % len(COLOURS)])
    title.align("center", width)
    return Group(title, _plot(chart, width, rows - 1, blocks=blocks))


def _marker(number: int, *, blocks: bool) -> str:
    return (MARKERS if blocks else ASCII_MARKERS)[number % len(MARKERS)]


@dataclass(frozen=True)
class _Grid:
    """The inside of a frame of so many columns and lines, for the x and y from `low` to `high`."""

    size: Array
    low: Array
    high: Array

    def places(self, xy: Array, dots: Sequence[int] = (1, 1)) -> Array:
        """(points, 2): columns from the left and lines from the top, in so many dots a cell."""
        most = self.size * dots - 1
        span = np.where(self.high > self.low, self.high - self.low, 1.0)
        places: Array = np.rint((xy.T - self.low) / span * most).astype(int)
        places[:, 1] = most[1] - places[:, 1]
        return places

    def ticks(self, ticks: Ticks, axis: int) -> dict[int, str]:
        xy = np.stack([self.low] * len(ticks), axis=1)
        xy[axis] = [place for place, _ in ticks]
        return dict(zip(self.places(xy)[:, axis].tolist(), (t for _, t in ticks), strict=True))

    def dotted(self, xy: Array, dots: Sequence[int]) -> Array:
        """(lines, columns): the bits of the dots of each cell through which the curve goes."""
        places = self.places(xy, dots)
        steps = np.abs(np.diff(places, axis=0)).max(axis=1)
        along = np.concatenate([[0], np.cumsum(steps)])
        every = np.arange(along[-1] + 1)
        columns, lines = (np.rint(np.interp(every, along, p)).astype(int) for p in places.T)
        (across, down), (wide, high) = self.size, dots
        inside = np.zeros((down, high, across, wide), int)
        inside[lines // high, lines % high, columns // wide, columns % wide] = 1
        bits: Array = (inside * DOTS[:high, None, :wide]).sum(axis=(1, 3))
        return bits


def _below(ticks: dict[int, str], margin: int, width: int) -> str:
    """The labels of an x axis: its ends, and those between that do not touch others."""
    line = " " * width
    first, *between = ticks
    for column in (first, *between[-1:], *between[:-1]):
        label = ticks[column]
        start = min(max(margin + column - len(label) // 2, 0), width - len(label))
        end = start + len(label)
        if not line[max(start - 1, 0) : end + 1].strip():
            line = line[:start] + label + line[end:]
    return line.rstrip()


def _plot(chart: Chart, width: int, rows: int, *, blocks: bool) -> Text:
    y_ticks = chart.y_ticks(rows)
    margin = max(len(label) for _, label in y_ticks)
    columns, lines = width - margin - 2, rows - 3
    grid = _Grid(np.array([columns, lines]), *chart.bounds)
    cells = [[(" ", "")] * columns for _ in range(lines)]
    if chart.marked is not None:
        x = np.log10(chart.marked) if chart.log_x else chart.marked
        for column in grid.ticks([(x, "")], 0):
            for line in cells if 0 <= column < columns else ():
                line[column] = "│", "green"
    for number, _, xy in chart.lines:
        marker, colour = _marker(number, blocks=blocks), COLOURS[number % len(COLOURS)]
        is_dotted = marker == MARKERS[0]
        bits = grid.dotted(xy, (2, 4) if is_dotted else (1, 1))
        for line, column in np.argwhere(bits):
            dots = chr(BRAILLE + bits[line, column]) if is_dotted else marker
            cells[line][column] = dots, colour
    text = Text(" " * margin + "┌" + "─" * columns + "┐\n", no_wrap=True)
    labels = grid.ticks(y_ticks, 1)
    for number, line in enumerate(cells):
        text.append(f"{labels.get(number, ''):>{margin}}{'┤' if number in labels else '│'}")
        for style, run in groupby(line, lambda cell: cell[1]):
            text.append("".join(character for character, _ in run), style)
        text.append("│\n")
    x_ticks = grid.ticks(chart.x_ticks(width), 0)
    bottom = "".join("┬" if column in x_ticks else "─" for column in range(columns))
    text.append(f"{' ' * margin}└{bottom}┘\n")
    text.append(_below(x_ticks, margin + 1, width))
    if not blocks:
        text.plain = text.plain.translate(IN_ASCII)
    return text
