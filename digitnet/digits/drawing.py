"""A drawing: ink on paper, drawn stroke by stroke with a soft brush."""

from collections import deque
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.prepare import Picture

# width and height of the paper in pixels; positions are (x, y) from its upper left corner
SIDE = 28
# grid points per pixel. The grid divides evenly into 28, 42, 56 and 84 squares, and strokes are
# smooth
FINE = 6
MAX_UNDO = 100  # maximum number of strokes that can be undone

Ink = NDArray[np.float32]
"""The ink at each grid point, (rows, columns), from 0 (paper) to 1 (full ink)."""

Place = tuple[float, float]  # x to the right and y down, in pixels


@dataclass(frozen=True)
class Brush:
    """A round brush with a soft edge, which adds or erases ink.

    At distance d from its centre the ink is min(max((radius - d) / edge + 1/2, 0), 1): 1 inside,
    1/2 at the radius, 0 outside. Lengths are in pixels.
    """

    radius: float
    edge: float
    erases: bool = False

    def at(self, distance: Ink) -> Ink:
        ink: Ink = np.clip((self.radius - distance) / self.edge + 0.5, 0, 1)
        return ink


PEN = Brush(radius=1.2, edge=1.0)
ERASER = Brush(radius=2.2, edge=0.8, erases=True)


class Drawing:
    """Ink on a square sheet, with its states before the last strokes.

    version: changes whenever the ink does.
    """

    def __init__(self) -> None:
        self.ink: Ink = np.zeros((SIDE * FINE, SIDE * FINE), np.float32)
        self.version = 0
        self._before: deque[Ink] = deque(maxlen=MAX_UNDO)
        self._brush = PEN
        self._place: Place | None = None

    @property
    def is_blank(self) -> bool:
        """Whether there is no point with at least half of full ink."""
        return bool(self.ink.max() < 0.5)

    @property
    def is_down(self) -> bool:
        return self._place is not None

    def press(self, place: Place, brush: Brush = PEN) -> None:
        self._remember()
        self._brush, self._place = brush, place
        self.move(place)

    def move(self, place: Place) -> None:
        """Draws a line from the brush to a position, which may be off the paper."""
        if self._place is not None:
            _draw(self.ink, self._place, place, self._brush)
            self._place = place
            self.version += 1

    def lift(self) -> None:
        self._place = None

    def undo(self) -> None:
        self.lift()
        if self._before:
            self.ink = self._before.pop()
            self.version += 1

    def put(self, picture: Picture) -> None:
        """Puts a picture of SIDE by SIDE pixels on the paper."""
        self._remember()
        self.ink[:] = np.kron(picture, np.ones((FINE, FINE))) / 255
        self.version += 1

    def clear(self) -> None:
        self.lift()
        if self.ink.any():
            self._remember()
            self.ink[:] = 0
            self.version += 1

    def scaled_to(self, rows: int, columns: int) -> Ink:
        """The ink, averaged to (rows, columns); both must divide SIDE * FINE."""
        across, down = len(self.ink) // columns, len(self.ink) // rows
        squares: Ink = self.ink.reshape(rows, down, columns, across).mean(axis=(1, 3))
        return squares

    def picture(self) -> Picture:
        """The drawing with a pixel for each grid point, from 0 (paper) to 255 (full ink)."""
        return np.round(255 * self.ink).astype(np.uint8)

    def _remember(self) -> None:
        self._before.append(self.ink.copy())


def _draw(ink: Ink, start: Place, end: Place, brush: Brush) -> None:
    """Draws a line on the ink. Overlapping strokes do not add up: the maximum is taken, or, for an
    eraser, the minimum.
    """
    reach = brush.radius + brush.edge / 2
    columns = _near(start[0], end[0], reach, ink.shape[1])
    rows = _near(start[1], end[1], reach, ink.shape[0])
    x = ((np.arange(ink.shape[1])[columns] + 0.5) / FINE).astype(np.float32)
    y = ((np.arange(ink.shape[0])[rows] + 0.5) / FINE).astype(np.float32)
    new = brush.at(distance_to_line(x, y[:, None], start, end))
    part = ink[rows, columns]
    if brush.erases:
        np.minimum(part, 1 - new, out=part)
    else:
        np.maximum(part, new, out=part)


def _near(start: float, end: float, reach: float, points: int) -> slice:
    """The grid points between two coordinates, extended by `reach` on both sides."""
    low, high = floor((min(start, end) - reach) * FINE), ceil((max(start, end) + reach) * FINE)
    return slice(min(max(low, 0), points), min(max(high, 0), points))


def distance_to_line(x: Ink, y: Ink, start: Place, end: Place) -> Ink:
    """The distance of each point p = (x, y) from the segment from a to b: |p - a - t (b - a)| with
    t = (p - a)·(b - a) / |b - a|², clipped to 0 to 1.
    """
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    t = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (length or 1.0)
    t = np.clip(t, 0, 1)
    distance: Ink = np.hypot(x - start[0] - t * along_x, y - start[1] - t * along_y)
    return distance
