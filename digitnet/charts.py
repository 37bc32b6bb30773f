"""Charts, and drawings of lines, boxes and words, which are written as SVG or painted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, partial
from html import escape
from itertools import chain
from math import ceil, floor, inf
from typing import Any
from unicodedata import east_asian_width

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitnet.engine.arrays import Array
from digitnet.engine.trainer import Measurement

MAX_VALUE = 1e100  # values are clipped to this: differences of larger ones may overflow
TICK_COLUMNS = 10  # columns per power of ten on an axis
MANY_ROWS = 18  # rows of a chart from which its y axis has more numbers than its ends

LOG_RANGE = 30
"""Costs whose largest is this many times the smallest are drawn on a logarithmic axis."""

BATCHES = "mini-batches"

Point = tuple[float, float]  # (x, y); x is usually a number of mini-batches
Ticks = list[tuple[float, str]]  # positions on an axis, and what is written there


def rounded(number: float, digits: int = 3) -> str:
    """A number to so many significant digits, or to an integer: `0.0917`, `9,940`, `2e7`."""
    text = f"{number:.{digits}g}"
    text = f"{number:,.0f}" if 1000 <= abs(float(text)) < 1e6 else text
    return text.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


@dataclass(frozen=True)
class Chart:
    """Curves by name, with common axes. A curve with fewer than two points is not drawn.

    Names stand beside the title. log_x, log_y: whether an axis is logarithmic; points that are not
    above zero are then left out. marked: an x to mark with a vertical line. over: what x is, for
    pictures in files. floor: lower values are drawn there; a curve begins with the last of them
    before it is above. ends: of the x axis; those of the curves if empty.
    """

    title: str
    curves: Mapping[str, Sequence[Point]]
    log_x: bool = False
    log_y: bool = False
    marked: float | None = None
    over: str = ""
    floor: float = -inf
    ends: Sequence[float] = ()

    @cached_property
    def lines(self) -> list[tuple[int, str, Array]]:
        """The curves that can be drawn: number, which sets colour and marker, name and (x, y).

        x and y are (points,), and logarithms where an axis is logarithmic.
        """
        lines = []
        for number, (name, points) in enumerate(self.curves.items()):
            xy = np.array(points, float).reshape(-1, 2).T.clip(-MAX_VALUE, MAX_VALUE)
            entry = max([0, *np.flatnonzero(xy[1] >= self.floor)[:1] - 1])
            xy = np.maximum(xy[:, entry:], [[-inf], [self.floor]])
            for axis in (axis for axis in (0, 1) if (self.log_x, self.log_y)[axis]):
                xy = xy[:, xy[axis] > 0]
                xy[axis] = np.log10(xy[axis])
            if xy.shape[1] > 1:
                lines.append((number, name, xy))
        return sorted(lines, key=lambda line: -line[2][0, -1])  # so shorter ones are seen

    @property
    def bounds(self) -> tuple[Array, Array]:
        every = np.hstack([xy for _, _, xy in self.lines])
        low, high = every.min(axis=1), every.max(axis=1)
        if self.ends:
            low[0], high[0] = self.ends
        return low, high

    @property
    def marked_at(self) -> list[float]:
        """The x of the vertical line, if there is one, as in `lines`."""
        marks = [] if self.marked is None else [self.marked]
        return [float(np.log10(x)) if self.log_x else x for x in marks]

    def x_ticks(self, columns: int) -> Ticks:
        """The ends of the x axis and what is marked between, or powers of ten."""
        low, high = (float(end[0]) for end in self.bounds)
        if self.log_x:
            return _powers(low, high, columns // TICK_COLUMNS)
        ends = sorted(x for x in {low, high, *self.marked_at} if low <= x <= high)
        return _ticks(ends, ends)

    def y_ticks(self, rows: int) -> Ticks:
        low, high = (float(end[1]) for end in self.bounds)
        count = 1 if rows < MANY_ROWS else 4
        if self.log_y:
            return _powers(low, high, 2 * count)
        ticks = sorted({low + (high - low) * k / count for k in range(count)} | {high})
        return [(t, "<" * (t == self.floor) + label) for t, label in _ticks(ticks, ticks)]


def _ticks(places: Sequence[float], values: Sequence[float]) -> Ticks:
    """The values, rounded by at most a sixth of a step; none is called 100 that is not."""
    step = min(np.diff(values), default=inf)
    for digits in (3, 4, 6, 9):
        labels = [rounded(value, digits) for value in values]
        is_near = all(abs(float(f"{v:.{digits}g}") - v) <= step / 6 for v in values)
        if is_near and ("100" not in labels or 100 in values):
            break
    return list(zip(places, labels, strict=True))


def _powers(low: float, high: float, most: int) -> Ticks:
    """About `most` powers of ten from 10^low to 10^high, or 1, 2 and 5 times these, or the ends."""
    powers, values = range(floor(low), ceil(high) + 1), [10.0**end for end in sorted({low, high})]
    for factors in ((1,), (1, 2, 5)):
        every = (factor * 10.0**power for power in powers for factor in factors)
        inside = [value for value in every if low - 1e-9 <= np.log10(value) <= high + 1e-9]
        if len(inside) > 2:
            values = inside[:: ceil(len(inside) / (most + 1))]
            break
    return _ticks(np.log10(values).tolist(), values)


def training_charts(
    costs: Mapping[str, Sequence[Point]],
    accuracies: Mapping[str, Sequence[Point]],
    title: str = "cost",
    *,
    log: bool | None = None,
    marked: float | None = None,
) -> list[Chart]:
    """Costs and validation accuracies (in percent) over the mini-batches.

    log: whether the costs are on a logarithmic axis; None where their range asks for it.
    """
    batches, values = zip(*(list(chain(*costs.values())) or [(0, 0)]), strict=True)
    if log is None:
        log = 0 < LOG_RANGE * min(values) < max(values)
    both = partial(Chart, marked=marked, over=BATCHES, ends=(min(batches), max(batches)))
    return [
        both(f"{title} (log)" if log else title, costs, log_y=log),
        both("validation accuracy, %", accuracies, floor=_floor(accuracies.values())),
    ]


def _floor(accuracies: Iterable[Sequence[Point]]) -> float:
    """Where the axis of accuracies, in percent, begins: so near to those of the second half of each
    curve that a small fall of them is seen; −∞ if these are all 100, or none is lower.
    """
    later = [y for points in accuracies for x, y in points if x >= points[-1][0] / 2] or [0]
    high = max(later)
    floor = high - max(4 * (high - min(later)), (100 - high) / 2)
    return floor if any(y < floor < high for points in accuracies for _, y in points) else -inf


def history_charts(
    histories: Mapping[str, Sequence[Measurement]], log: bool | None = None
) -> list[Chart]:
    """The charts of training histories, by network name; of a single one, with its training cost.

    log: see `training_charts`.
    """
    costs, accuracies = dict[str, Sequence[Point]](), dict[str, Sequence[Point]]()
    for name, history in histories.items():
        costs[name] = [(m.batches, m.validation_cost) for m in history]
        accuracies[name] = [(m.batches, 100 * m.validation_accuracy) for m in history]
    if len(histories) > 1:
        return training_charts(costs, accuracies, "validation cost", log=log)
    ((name, history),) = histories.items()
    training = [(float(m.batches), m.cost) for m in history]
    both = {"training": training, "validation": costs[name]}
    return training_charts(both, {"": accuracies[name]}, log=log)


# drawings

WIDTH, HEIGHT, SIZE = 460, 320, 13  # a chart, and its letters, in points
WIDE = 0.6  # of a letter's height: its width, about, in Helvetica or DejaVu Sans
LEFT, RIGHT, TOP, BOTTOM = 62, 40, 56, 48  # between the edges of a chart and its frame

DARK = ("#16181d", "#e8e8e8", "#3a3f4a")
LIGHT = ("#ffffff", "#222222", "#dddddd")
"""Background, letters and grid."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BRIGHT = ("#56b4e9", "#e69f00", "#2fc49b", "#e08fbf", "#f0e442", "#5b8ff9")
"""Of the curves, on light and on dark: the palette of Okabe and Ito, seen by the colour-blind."""

SANS = ("DejaVuSans.ttf", "Helvetica.ttc", "arial.ttf", "LiberationSans-Regular.ttf")
MONO = ("DejaVuSansMono.ttf", "Menlo.ttc", "consola.ttf", "LiberationMono-Regular.ttf")
BOLD = ("DejaVuSansMono-Bold.ttf", "Menlo.ttc", "consolab.ttf", "LiberationMono-Bold.ttf")

ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
"""The point of a text that is at its place, in SVG and in Pillow."""


@dataclass(frozen=True)
class Line:
    """A line through points, in points from the left and from the top."""

    points: Sequence[Point]
    colour: str
    width: float = 1.0


@dataclass(frozen=True)
class Boxes:
    """Rectangles: each its left, top, width and height."""

    places: Sequence[tuple[int, int, int, int]]
    colour: str


@dataclass(frozen=True)
class Words:
    """A text. anchor: what of it is at x; see ANCHORS. y: of its baseline. span: its length, if its
    letters are all of one width.
    """

    x: float
    y: float
    text: str
    colour: str
    anchor: str = "start"
    span: int = 0
    bold: bool = False


@dataclass(frozen=True)
class Drawing:
    """Shapes on a background, the later ones on top. size, family: of the letters."""

    shapes: Sequence[Line | Boxes | Words]
    width: int
    height: int
    background: str
    size: int = SIZE
    family: str = "Helvetica, Arial, sans-serif"

    def svg(self) -> bytes:
        """An SVG file; its letters are in a font that is there."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family="{self.family}" '
            f'font-size="{self.size}">',
            f'<rect width="100%" height="100%" fill="{self.background}"/>',
            *map(self._in_svg, self.shapes),
            "</svg>\n",
        ]
        return "\n".join(parts).encode()

    def _in_svg(self, shape: Line | Boxes | Words) -> str:
        colour = shape.colour
        if isinstance(shape, Boxes):
            path = "".join(f"M{x} {y}h{w}v{h}h-{w}z" for x, y, w, h in shape.places)
            return f'<path fill="{colour}" d="{path}" shape-rendering="crispEdges"/>'
        if isinstance(shape, Line):
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
            return (
                f'<polyline points="{points}" fill="none" stroke="{colour}" '
                f'stroke-width="{shape.width:g}" stroke-linejoin="round"/>'
            )
        text, look = escape(shape.text), f'text-anchor="{shape.anchor}"'
        if shape.span:
            text = text.replace(" ", "\xa0")
            look = f'textLength="{shape.span}"' + ' font-weight="bold"' * shape.bold
        return f'<text x="{shape.x:.5g}" y="{shape.y:.5g}" fill="{colour}" {look}>{text}</text>'

    def image(self, scale: int = 1) -> Image.Image:
        """So many pixels a point."""
        image = Image.new("RGB", (self.width * scale, self.height * scale), self.background)
        draw = ImageDraw.Draw(image)
        for shape in self.shapes:
            if isinstance(shape, Line):
                points = [(x * scale, y * scale) for x, y in shape.points]
                draw.line(points, shape.colour, round(shape.width * scale), joint="curve")
            elif isinstance(shape, Boxes):
                for x, y, w, h in shape.places:
                    draw.rectangle((x, y, x + w - 1, y + h - 1), shape.colour)
            else:
                names = SANS if not shape.span else BOLD if shape.bold else MONO
                font, anchor = _font(names, self.size * scale), ANCHORS[shape.anchor]
                texts = shape.text if shape.span else [shape.text]
                for number, text in enumerate(texts):
                    place = (shape.x + number * shape.span / len(texts)) * scale, shape.y * scale
                    draw.text(place, text, shape.colour, font, anchor=anchor)
        return image


@cache
def _font(names: tuple[str, ...], size: int) -> Any:
    """The first of these fonts that is there, or Pillow's default."""
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def drawing_of_charts(charts: Sequence[Chart], *, is_light: bool) -> Drawing:
    """The charts side by side, below the names of their curves."""
    paper, ink, grid, colours = (*LIGHT, COLOURS) if is_light else (*DARK, BRIGHT)
    names = {(number, name) for c in charts for number, name, _ in c.lines if name}
    width, across, lower, shapes = WIDTH * len(charts), LEFT, 0, list[Line | Words]()
    for number, name in sorted(names):
        wide = round(WIDE * SIZE * sum(1 + (east_asian_width(c) in "WF") for c in name))
        if across + wide > width and across > LEFT:
            across, lower = LEFT, lower + SIZE + 6
        shapes.append(Words(across, 40 + lower, name, colours[number % len(colours)]))
        across += wide + SIZE
    for n, chart in enumerate(charts):
        shapes += _shapes_of(chart, WIDTH * n, lower, ink, grid, colours)
    return Drawing(shapes, width, HEIGHT + lower, paper)


def _shapes_of(
    chart: Chart, left: float, lower: int, ink: str, grid: str, colours: Sequence[str]
) -> Iterator[Line | Words]:
    yield Words(left + LEFT, 20, chart.title, ink)
    if not chart.lines:
        return
    low, high = chart.bounds
    span = np.where(high > low, high - low, 1.0)
    inner = np.array([WIDTH - LEFT - RIGHT, -(HEIGHT - TOP - BOTTOM)])
    corner = np.array([left + LEFT, HEIGHT - BOTTOM + lower])

    def placed(x: float, y: float) -> Point:
        across, down = (np.array([x, y]) - low) / span * inner + corner
        return float(across), float(down)

    for y, label in chart.y_ticks(HEIGHT):
        (start, down), (end, _) = placed(low[0], y), placed(low[0] + span[0], y)
        yield Line([(start, down), (end, down)], grid)
        yield Words(start - 6, down + SIZE / 3, label, ink, "end")
    for x in chart.marked_at:
        yield Line([placed(x, low[1]), placed(x, low[1] + span[1])], ink)
    for x, label in chart.x_ticks(WIDTH // 6):
        across, down = placed(x, low[1])
        yield Words(across, down + SIZE + 6, label, ink, "middle")
    yield Words(corner[0] + inner[0] / 2, HEIGHT - 8 + lower, chart.over, ink, "middle")
    for number, _, xy in chart.lines:
        yield Line([placed(*point) for point in xy.T], colours[number % len(colours)], 2)
