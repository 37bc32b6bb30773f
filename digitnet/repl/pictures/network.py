"""A network as a picture: columns of units, and a line for what each gives those above it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from digitnet.digits.datasets import DataSet
from digitnet.engine.arrays import Array, Integers, answers_of
from digitnet.engine.network import MAX_LAYERS, Network
from digitnet.insight.inside import Scene, numbers_of, responses, scene_of
from digitnet.repl.pictures.digit import LABEL_STYLES, SMALL, Picture, bar, halved, label_for
from digitnet.repl.pictures.grid import ANSWERS, LEVELS, NEGATIVE, POSITIVE, Colour, Grid
from digitnet.repl.pictures.tables import counted

SIGNAL: Colour = (240, 200, 0)
"""The colour of the error signal. The colour-blind tell it, POSITIVE and NEGATIVE apart."""

FEW, MAX_LINES = 12, 50
"""Layers with up to FEW units are shown whole, with all their weights; of others, the units and the
lines that matter most.
"""

FAINT = 0.12  # brightness of the line of a weight that contributes nothing

VISIBLE = {True: 0.01, False: 0.3}
"""Fraction of the strongest from which lines are drawn, by whether there are shades."""

MIN_GAP, MAX_GAP = 5, 30  # columns of the screen between two layers
BESIDE = 80  # columns left to the network beside a plane

NARROW, WIDE = 60, 100
"""Columns from which there is a word beside an output; and from which digits are large,
and a plane beside the network.
"""


@dataclass(frozen=True)
class Phase:
    """How far it is shown: `forward` up to a column, `backward` down to one, or the `change` of the
    weights.
    """

    kind: str = "forward"
    column: int = MAX_LAYERS


def phases(scene: Scene) -> list[Phase]:
    """Forward a layer at a time, the error signal back, then how the weights would change."""
    last = len(scene.columns) - 1
    forward = [Phase("forward", column) for column in range(last + 1)]
    back = [Phase("backward", column) for column in range(last, 0, -1)]
    return forward + [*back, Phase("change")] * scene.has_signal


@dataclass(frozen=True)
class Plane:
    """Data of two inputs. low, high: the corners. maps: of each column of the scene, the units'
    values over the plane, (rows, columns, units), the highest row first. points, answers: cases.
    """

    low: Array
    high: Array
    maps: list[Array]
    points: Array
    answers: Integers

    @property
    def outputs(self) -> Array:
        """Of each answer over the plane, (rows, columns, answers)."""
        outputs = self.maps[-1]
        single = outputs.shape[2] == 1  # 0 or 1
        return np.concatenate([1 - outputs, outputs], axis=2) if single else outputs

    def draw(self, grid: Grid, at: Array) -> None:
        """Draws it twice as wide as high; at: the inputs of the present case."""
        lines, side = grid.height, np.linspace(0, SIDE - 1, 2 * grid.height).round().astype(int)
        outputs = np.nan_to_num(self.outputs[side][:, side])
        guesses, (second, first) = outputs.argmax(axis=2), np.sort(outputs)[..., -2:].T
        levels = np.rint(LEVELS * (first - second).T.clip(0, 1)).astype(int)
        shades = [[grid.shade(c, 0.6 * n / LEVELS) for n in range(LEVELS + 1)] for c in ANSWERS]
        surface = np.array(shades)[guesses, levels]
        grid.pixels(0, 0, surface if grid.shades else guesses % 2 == 1)
        cases = zip(self.points, self.answers.tolist(), strict=True)
        marks = [("●" if grid.shades else f"{n}", point, ANSWERS[n]) for point, n in cases]
        for mark, point, colour in [*marks, ("◎", at, grid.ink)]:
            part = np.clip((point - self.low) / (self.high - self.low), 0, 1)
            x, y = int(part[0] * (2 * lines - 1)), int((1 - part[1]) * (lines - 1))
            grid.write(x, y, mark, f"bold {grid.shade(colour, 1)} on {surface[2 * y, x]}")


def resized(values: Array, side: int) -> Array:
    """Numbers (rows, columns) in a square of this side; of several, the one furthest from zero."""
    for axis, count in enumerate(values.shape):
        starts = np.arange(side) * count // side  # a number that is repeated is its own extreme
        low, high = (each.reduceat(values, starts, axis) for each in (np.minimum, np.maximum))
        values = np.where(high >= -low, high, low)
    return values


@dataclass(frozen=True)
class NetworkPicture:
    """A scene to be drawn.

    case: its picture; None for a table. answer: its answer. plane: of data of two inputs. selected:
    the column and the unit that are marked, and weight, of the unit.
    """

    scene: Scene
    case: Picture | None
    answer: int
    plane: Plane | None = None
    phase: Phase = Phase()
    selected: tuple[int, int] = (-1, -1)
    weight: int = -1

    @property
    def guess(self) -> int:
        return int(answers_of(self.scene.answered[np.newaxis])[0])

    def draw(self, grid: Grid) -> dict[int, list[int]]:
        """Draws it on all of a grid; returns the units shown of each column."""
        width, height = grid.width, grid.height
        if self.plane and width >= WIDE:
            lines = min(height, (width - BESIDE) // 2)
            width -= 2 * lines + MIN_GAP
            place = width + MIN_GAP, (height - lines) // 2
        elif self.plane:
            lines = min(height, width) // 2
            height -= lines
            place = 0, height
        if self.plane:
            self.plane.draw(grid.part(*place, 2 * lines, lines), self.scene.columns[0].values)
        return _Drawing(self, grid.part(0, 0, width, height)).shown


SIDE, POINTS = 48, 100  # points of a plane in each direction, and cases shown on it


def picture_of(network: Network, data: DataSet, index: int) -> NetworkPicture:
    """The picture of a network and a test case."""
    x, y = data.test.inputs[index] * data.test.scale, data.test.targets[index]
    scene = scene_of(network, x.astype(np.float64), y.astype(np.float64))
    has_plane = data.inputs == 2 and data.outputs <= len(ANSWERS) and not network.is_committee
    case = data.picture_of(data.test, index)
    return NetworkPicture(
        scene,
        case.astype(np.uint8) if case.ndim == 2 else None,
        int(answers_of(y[np.newaxis])[0]),
        _plane(network, data) if has_plane else None,
    )


def _plane(network: Network, data: DataSet) -> Plane:
    """The plane that the training cases are in, with a margin."""
    inputs = data.train.inputs * data.train.scale
    margin = 0.1 * np.ptp(inputs, axis=0)
    low, high = inputs.min(axis=0) - margin, inputs.max(axis=0) + margin
    across, up = (np.linspace(a, b, SIDE) for a, b in zip(low, high, strict=True))
    points = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2)
    maps = [values.reshape(SIDE, SIDE, -1) for _, values in responses(network, points)]
    cases = data.test.inputs[:POINTS] * data.test.scale
    return Plane(low, high, maps, cases, answers_of(data.test.targets[:POINTS]))


@dataclass
class _Column:
    """Where a column of the scene is drawn. names: of its units. most: units that there are lines
    for. lines: of a unit's picture; 0 for none. x: the left border. units: those shown, each with
    its line.
    """

    names: Sequence[str]
    width: int
    most: int
    lines: int = 0
    x: int = 0
    units: dict[int, int] = field(default_factory=dict)

    @property
    def end(self) -> int:
        return self.x + self.width


class _Drawing:
    def __init__(self, picture: NetworkPicture, grid: Grid) -> None:
        self.picture, self.scene, self.grid = picture, picture.scene, grid
        self.width, self.height = grid.width, grid.height - 2  # without titles, and the rest
        self.last, self.case = len(picture.scene.columns) - 1, picture.case
        if self.case is not None and self.case.shape[1] > SMALL:
            is_large = self.width >= WIDE and len(self.case) <= 2 * self.height
            self.case = self.case if is_large else halved(self.case)
        self.columns = [self._measured(number) for number in range(self.last + 1)]
        shown = self._placed()
        for below, above in pairwise(shown):
            if above == below + 1:
                self._draw_lines(above)
                continue
            x, most = self.columns[below].end + 1, self.columns[above].x - self.columns[below].end
            count = above - below - 1
            text = f"+{counted(count, 'layer')}"
            grid.write(x, 0, text if len(text) <= most - 2 else f"(+{count})")
        for number in shown:
            self._draw_column(number)
        self.shown = {number: list(self.columns[number].units) for number in shown}

    def _maps(self, number: int) -> Array | None:
        """What is drawn of each unit of a column, (rows, columns, units)."""
        if self.picture.plane and 0 < number < self.last:
            return self.picture.plane.maps[number]
        values = self.scene.columns[number].values
        return values if values.ndim == 3 and number else None

    def _measured(self, number: int) -> _Column:
        column, maps = self.scene.columns[number], self._maps(number)
        count = column.count
        if not number and self.case is not None:
            return _Column([], self.case.shape[1], 0, len(self.case) // 2)
        names = [f"{column.first + unit}" if number else f"x{unit}" for unit in range(count)]
        most, lines = min(count, FEW, self.height), 0
        if maps is not None:
            lines = max(1, min(self.height // min(count, 4) - 1, len(maps) // 2))
            lines = max(1, min(lines, self.height // count)) if count <= FEW else lines
            most = min(count, self.height // lines)
        width = len(names[-1]) + 1 + (2 * lines or 2) + 1 + NUMBER
        width += LABEL * (number == self.last and self.width >= NARROW)
        return _Column(names, width, most, lines)

    def _placed(self) -> list[int]:
        """Places the columns from the left; those for which there is no width are left out."""
        shown, columns = list(range(self.last + 1)), self.columns
        while len(shown) > 2:
            free = self.width - sum(columns[k].width for k in shown)
            if free >= MIN_GAP * (len(shown) - 1):
                break
            shown.remove(max(shown[1:-1], key=lambda k: abs(k - self.picture.selected[0])))
        free = self.width - sum(columns[k].width for k in shown)
        gap, x = max(1, min(free // (len(shown) - 1), MAX_GAP)), 0
        chosen = self.scene.chosen([column.most for column in columns])
        for k in shown:
            columns[k].x, step = x, self.height / max(len(chosen[k]), 1)
            columns[k].units = {unit: int(1 + (n + 0.5) * step) for n, unit in enumerate(chosen[k])}
            x += columns[k].width + gap
        return shown

    def _top(self, lines: int) -> int:
        return 1 + (self.height - lines) // 2

    def _draw_lines(self, number: int) -> None:
        """Draws what the units of a column get from those below; the strongest last."""
        phase, above, below = self.picture.phase, self.columns[number], self.columns[number - 1]
        is_back = phase.kind == "backward" and number > phase.column
        kind = "backward" if is_back else "change" if phase.kind == "change" else "forward"
        is_dark = phase.kind == "forward" and number > phase.column
        links = self.scene.columns[number].links(list(above.units), kind)
        starts, ends = list(below.units.values()), list(above.units.values())
        if number == 1 and self.picture.case is not None:  # from the lines of its pixels
            places = (np.arange(len(links)) + 0.5) / len(links)
            starts = (self._top(below.lines) + places * below.lines).astype(int).tolist()
        elif len(links):  # a committee gives none
            links = links[list(below.units)]
        is_whole = all(self.scene.columns[k].count <= FEW for k in (number - 1, number))
        sizes = np.abs(links).ravel() / (np.abs(links).max(initial=0.0) or 1.0)
        lines, styles = [], []
        for place in sizes.argsort(kind="stable")[0 if is_whole else -MAX_LINES :].tolist():
            row, unit = divmod(place, len(ends))
            part = FAINT if is_dark else FAINT + (1 - FAINT) * float(sizes[place])
            colour = SIGNAL if is_back else POSITIVE if links[row, unit] > 0 else NEGATIVE
            if (number, unit, row) == (*self.picture.selected, self.picture.weight):
                colour, part = self.grid.ink, 1.0
            if sizes[place] >= (0 if is_whole else VISIBLE[self.grid.shades]):
                lines.append(
                    (below.end + 0.25, starts[row] + 0.5, above.x - 0.75, ends[unit] + 0.5)
                )
                styles.append(self.grid.shade(colour, part))
        if lines:
            self.grid.draw_lines(np.array(lines), styles)

    def _draw_column(self, number: int) -> None:
        """Draws the units of a column, its title, and how many are not shown."""
        grid, place, column = self.grid, self.columns[number], self.scene.columns[number]
        title = column.name or ("inputs" if not number else "outputs")
        is_cut = len(title) > place.width + 1
        grid.write(place.x, 0, title[: place.width] + "…" if is_cut else title, "bold")
        if not number and self.case is not None:
            grid.image(place.x, self._top(place.lines), self.case / 255)
            return
        if rest := column.count - len(place.units):
            grid.write(place.x, self.height + 1, f"+{rest:,} more"[: place.width + 4])
        phase, maps = self.picture.phase, self._maps(number)
        is_back = phase.kind == "backward" and number >= phase.column
        values = numbers_of(column.signal if is_back else column.values)
        is_dark = phase.kind == "forward" and number > phase.column
        largest = max(np.abs(values).max(initial=0.0), number == self.last and not is_back) or 1.0
        for unit, y in place.units.items():
            style = "reverse" if (number, unit) == self.picture.selected else ""
            grid.write(place.x, y, place.names[unit].rjust(len(place.names[-1])), style)
            if is_dark:
                continue
            x, value = place.x + len(place.names[-1]) + 1, float(values[unit])
            colour = SIGNAL if is_back else NEGATIVE if value < 0 else grid.ink
            shade = grid.shade(colour, FAINT + (1 - FAINT) * abs(value) / largest)
            if maps is None or is_back:
                part = 1.0 if grid.shades else abs(value) / largest
                grid.write(x, y, bar(part, 2, blocks=True), shade)
            else:
                picture = resized(maps[..., unit], 2 * place.lines) / (np.abs(maps).max() or 1.0)
                grid.image(x, y - place.lines // 2, picture)
            x += (2 * place.lines or 2) + 1
            style = grid.shade(colour, 1) if is_back else ""
            grid.write(x, y, number_of(value).rjust(NUMBER), style)
            if number == self.last and len(values) > 1 and not is_back and self.width >= NARROW:
                label = label_for(unit, self.picture.guess, self.picture.answer)
                grid.write(x + NUMBER + 1, y, label, LABEL_STYLES.get(label, ""))


NUMBER, LABEL = 6, 7  # characters of a number, and of a label with its space


def number_of(value: float) -> str:
    """A number in at most NUMBER characters, with up to three decimals."""
    texts = (f"{value:.{decimals}f}" for decimals in (3, 2, 1, 0))
    return next((text for text in texts if len(text) <= NUMBER), f"{value:.0e}")
