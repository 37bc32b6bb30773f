"""Curves: costs and accuracies over a training, as text."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil

import numpy as np
from rich.console import Group, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from digitnet.charts import Chart, Point, Ticks, training_charts
from digitnet.engine.arrays import Array
from digitnet.engine.trainer import Measurement
from digitnet.repl.pictures import Drawn, View
from digitnet.repl.pictures.grid import BRAILLE, DOTS

MIN_ROWS, MAX_ROWS = 10, 30  # minimum and maximum lines of a chart, axes included

LIVE_FRACTION, MAX_FRACTION = 0.4, 0.8
"""Fraction of the screen's height for charts during training, and otherwise."""

MIN_COLUMNS, MAX_POINTS = 30, 400  # minimum columns of a chart, maximum points of a live curve

COLOURS = ("blue", "magenta", "green", "red", "cyan", "bright_black")

MARKERS, ASCII_MARKERS = "⠒•+xo*", "*o+x#%"
"""Of each curve; the first one is drawn in dots of braille."""

IN_ASCII = str.maketrans("─│┌┐└┘┤┬", "-|++++++")


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
        charts = [chart for chart in self.charts if chart.lines]
        across = min(len(self.charts if self.live else charts), view.width // MIN_COLUMNS)
        charts = charts[: across if self.live else None]
        rows = rows_of(view, LIVE_FRACTION if self.live else MAX_FRACTION)
        rows = max(MIN_ROWS, rows // ceil(len(charts) / across))
        table = Table.grid(*(Column(vertical="bottom") for _ in range(across)))
        pictures = [picture(c, view.width // across, rows, blocks=view.blocks) for c in charts]
        for start in range(0, len(charts), across):
            table.add_row(*pictures[start : start + across])
        yield table


def rows_of(view: View, fraction: float = LIVE_FRACTION) -> int:
    """The lines of a chart that takes this fraction of the screen."""
    return min(max(MIN_ROWS, int(fraction * view.height)), MAX_ROWS)


@dataclass
class GrowingCurves(Drawn):
    """The costs and the validation accuracy of a network, from the first measurement to now.

    rate: the learning rate, where it is known. since: the mini-batch at which this training began,
    which is marked.
    """

    cost: list[Point] = field(default_factory=list)
    validation_cost: list[Point] = field(default_factory=list)
    accuracy: list[Point] = field(default_factory=list)
    rate: list[Point] = field(default_factory=list)
    since: int = 0

    @classmethod
    def of(
        cls, history: Sequence[Measurement], rate: list[Point], since: int = 0
    ) -> "GrowingCurves":
        """The curves so far. rate: is added to in place."""
        curves = cls(rate=rate, since=since)
        for m in history:
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
                self.add(m.batches, m.cost)
                self.add_measured(m.batches, m.validation_cost, m.validation_accuracy)

    @property
    def charts(self) -> list[Chart]:
        costs = {"training": self.cost, "validation": self.validation_cost}
        return training_charts(costs, {"": self.accuracy}, marked=self.since or None)

    def drawn(self, view: View) -> RenderResult:
        yield Curves(self.charts, live=True)


def _add(points: list[Point], point: Point) -> None:
    """Adds a point; if there are too many, keeps half, at about equal distances."""
    points.append(point)
    if len(points) > MAX_POINTS:
        x = [x for x, _ in points]
        places = np.searchsorted(x, np.linspace(x[0], x[-1], MAX_POINTS // 2))
        points[:] = [points[n] for n in np.unique(places)]


def picture(chart: Chart, width: int, rows: int, *, blocks: bool) -> RenderableType:
    names = Text("  ").join(
        Text(f"{_marker(number, blocks=blocks)} {name}", COLOURS[number % len(COLOURS)])
        for number, name, _ in sorted(chart.lines, key=lambda line: line[0])
        if name
    )
    gap = "  " if len(f"{chart.title}  {names}") <= width else "\n"
    title = Text.assemble(chart.title, gap * bool(names), names, justify="center", overflow="fold")
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
        xy = np.tile(self.low[:, None], len(ticks))
        xy[axis] = [place for place, _ in ticks]
        return dict(zip(self.places(xy)[:, axis].tolist(), (t for _, t in ticks), strict=True))

    def dotted(self, xy: Array, dots: Sequence[int]) -> Array:
        """(lines, columns): the bits of the dots of each cell through which the curve goes."""
        places = self.places(xy, dots)
        steps = np.abs(np.diff(places, axis=0)).max(axis=1)
        along = np.concatenate([[0], np.cumsum(steps)])
        every = np.arange(along[-1] + 1)
        columns, lines = (np.rint(np.interp(every, along, p)).astype(int) for p in places.T)
        bits, (wide, high) = np.zeros(self.size[::-1], int), dots
        cells = lines // high, columns // wide
        np.bitwise_or.at(bits, cells, DOTS[lines % high, columns % wide])
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
    cells = {  # (line, column) → character and style
        (line, column): ("│", "green")
        for column in grid.ticks([(x, "") for x in chart.marked_at], 0)
        for line in range(lines)
    }
    for number, _, xy in chart.lines:
        marker, colour = _marker(number, blocks=blocks), COLOURS[number % len(COLOURS)]
        is_dotted = marker == MARKERS[0]
        bits = grid.dotted(xy, (2, 4) if is_dotted else (1, 1))
        for place in zip(*bits.nonzero(), strict=True):
            cells[place] = chr(BRAILLE + bits[place]) if is_dotted else marker, colour
    text = Text(" " * margin + "┌" + "─" * columns + "┐\n", no_wrap=True)
    labels = grid.ticks(y_ticks, 1)
    for number in range(lines):
        text.append(f"{labels.get(number, ''):>{margin}}{'┤' if number in labels else '│'}")
        line = (cells.get((number, column), (" ", "")) for column in range(columns))
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
