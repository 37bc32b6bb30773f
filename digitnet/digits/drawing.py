"""A drawing: ink on paper, put there with a soft brush, one stroke after the other."""

from collections import deque
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.image import Picture

SIDE = 28
"""Width and height of the paper, in pixels; a place on it is (x, y) from its upper left corner."""
FINE = 6
"""Points of the grid along a pixel: 28, 42, 56 and 84 squares across are all whole numbers of them,
and a stroke is as smooth as the hand that led it."""
MOST_UNDONE = 100
"""Strokes that can be undone, one after the other."""

Ink = NDArray[np.float32]
"""How much ink is at each point of the grid (rows, columns): 0 for paper to 1 for full ink."""
Place = tuple[float, float]
"""x to the right and y down, in pixels."""


@dataclass(frozen=True)
class Brush:
    """A round brush with a soft edge, which leaves ink or takes it away.

    At the distance d from its centre it leaves min(max((radius - d) / edge + 1/2, 0), 1): full ink
    inside, half of it at the radius, none outside. All in pixels.
    """

    radius: float
    edge: float
    erases: bool = False

    def at(self, distance: Ink) -> Ink:
        """The ink it leaves at these distances from its centre."""
        ink: Ink = np.clip((self.radius - distance) / self.edge + 0.5, 0, 1)
        return ink


PEN = Brush(radius=1.2, edge=1.0)
ERASER = Brush(radius=2.2, edge=0.8, erases=True)


class Drawing:
    """Ink on a square of paper, and what it was before each of the last strokes.

    version: another one after every change.
    """

    def __init__(self) -> None:
        """Blank paper."""
        self.ink: Ink = np.zeros((SIDE * FINE, SIDE * FINE), np.float32)
        self.version = 0
        self._before: deque[Ink] = deque(maxlen=MOST_UNDONE)
        self._brush = PEN
        self._place: Place | None = None

    @property
    def is_blank(self) -> bool:
        """Whether there is no full ink anywhere."""
        return bool(self.ink.max() < 0.5)

    @property
    def is_down(self) -> bool:
        """Whether a stroke is under way."""
        return self._place is not None

    def press(self, place: Place, brush: Brush = PEN) -> None:
        """Puts the brush down: a stroke begins."""
        self._remember()
        self._brush, self._place = brush, place
        self.move(place)

    def move(self, place: Place) -> None:
        """Draws a line from where the brush is to a place on the paper or beside it."""
        if self._place is not None:
            _draw(self.ink, self._place, place, self._brush)
            self._place = place
            self.version += 1

    def lift(self) -> None:
        """Takes the brush up: the stroke ends."""
        self._place = None

    def undo(self) -> None:
        """Takes back the last stroke, or the last clearing."""
        self.lift()
        if self._before:
            self.ink = self._before.pop()
            self.version += 1

    def clear(self) -> None:
        """Takes all ink away."""
        self.lift()
        if self.ink.any():
            self._remember()
            self.ink[:] = 0
            self.version += 1

    def seen_at(self, rows: int, columns: int) -> Ink:
        """The ink in so many rows and columns, each square the mean of its points."""
        across, down = len(self.ink) // columns, len(self.ink) // rows
        squares: Ink = self.ink.reshape(rows, down, columns, across).mean(axis=(1, 3))
        return squares

    def picture(self) -> Picture:
        """The drawing with a pixel for each point: 0 for paper to 255 for full ink."""
        picture: Picture = np.round(255 * self.ink).astype(np.uint8)
        return picture

    def _remember(self) -> None:
        self._before.append(self.ink.copy())


def _draw(ink: Ink, start: Place, end: Place, brush: Brush) -> None:
    """Draws a line, where it is on the paper: ink is never darker than full, erased never lighter
    than paper, however often the brush goes over it.
    """
    reach = brush.radius + brush.edge / 2
    columns = _near(start[0], end[0], reach, ink.shape[1])
    rows = _near(start[1], end[1], reach, ink.shape[0])
    x = ((np.arange(ink.shape[1])[columns] + 0.5) / FINE).astype(np.float32)
    y = ((np.arange(ink.shape[0])[rows] + 0.5) / FINE).astype(np.float32)
    left = brush.at(distance_to_line(x, y[:, None], start, end))
    part = ink[rows, columns]
    if brush.erases:
        np.minimum(part, 1 - left, out=part)
    else:
        np.maximum(part, left, out=part)


def _near(start: float, end: float, reach: float, points: int) -> slice:
    """The points of the grid between two places and so far around them."""
    low, high = floor((min(start, end) - reach) * FINE), ceil((max(start, end) + reach) * FINE)
    return slice(min(max(low, 0), points), min(max(high, 0), points))


def distance_to_line(x: Ink, y: Ink, start: Place, end: Place) -> Ink:
    """The distance of each point p = (x, y) to the line from a to b, |p - a - t (b - a)| with
    t = (p - a)·(b - a) / |b - a|², held between 0 and 1.
    """
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    length = along_x**2 + along_y**2
    t = ((x - start[0]) * along_x + (y - start[1]) * along_y) / (length or 1.0)
    t = np.clip(t, 0, 1)
    distance: Ink = np.hypot(x - start[0] - t * along_x, y - start[1] - t * along_y)
    return distance
