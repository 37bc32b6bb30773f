"""Deformations: each time a case is seen, its picture is turned, scaled, shifted and bent a little.

A deformed picture is J(p) = I(A (p − c) + c + s + e(p)): every pixel p of it is looked up in the
picture I at a place that a matrix A turns, zooms and shears around the centre c, a shift s moves,
and an elastic field e displaces. Between pixels I is interpolated linearly, and outside it there is
nothing (Simard, Steinkraus and Platt 2003, ICDAR).
"""

from dataclasses import dataclass, fields
from functools import cache
from math import isqrt, pi, sqrt

import numpy as np

from digitnet.engine.types import Array, Integers

GRID = 7
"""The elastic field is drawn on a grid of so many points each way, and smoothly interpolated."""
BLOCK = 64
"""Cases that are deformed together: few enough to stay in the cache."""
DRAWS = 6
"""Uniform numbers that a case needs beside those of its field."""
SPREAD = sqrt(2 / 12)
"""Root mean square of a field before it is scaled: each of its two coordinates is a sum of uniform
numbers, of variance 1/12, with weights of norm 1."""


@dataclass(frozen=True, slots=True)
class Augment:
    """How far cases are deformed, each time by a random amount up to these.

    rotation: degrees. zoom: the part by which a picture grows or shrinks, each way by itself.
    shear: how far a line leans, per pixel of height. shift: pixels, each way. elastic: root mean
    square of the elastic displacement, in pixels.
    """

    rotation: float = 0.0
    zoom: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    elastic: float = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError, with the reason, for an amount that makes no sense."""
        for f in fields(self):
            value = getattr(self, f.name)
            if not 0 <= value <= LIMITS[f.name]:
                raise ValueError(f"has {f.name} from 0 to {LIMITS[f.name]:g}, not {value:g}")

    def __str__(self) -> str:
        """As it is typed: a name, or `rotation=12,shift=2`."""
        for name, augment in NAMED.items():
            if augment == self:
                return name
        given = ((f.name, getattr(self, f.name)) for f in fields(self))
        return ",".join(f"{name}={value:g}" for name, value in given if value)

    @classmethod
    def parse(cls, text: str) -> "Augment":
        """Reads a name or `rotation=12,zoom=0.1`. Raises ValueError, with the reason."""
        if text in NAMED:
            return NAMED[text]
        amounts = {}
        for part in text.split(","):
            name, equals, value = part.partition("=")
            if name not in LIMITS or not equals or name in amounts:
                raise ValueError(
                    f"is {', '.join(NAMED)}, or amounts of {', '.join(LIMITS)}, as in "
                    "rotation=12,shift=2"
                )
            try:
                amounts[name] = float(value)
            except ValueError:
                raise ValueError(f"has a number for {name}, as in {name}=0.1") from None
        return cls(**amounts)


LIMITS = {"rotation": 180.0, "zoom": 0.9, "shear": 2.0, "shift": 20.0, "elastic": 10.0}
"""The most that makes any sense."""
NAMED = {
    "none": Augment(),
    "light": Augment(rotation=8, zoom=0.08, shift=1),
    "strong": Augment(rotation=12, zoom=0.12, shear=0.15, shift=2, elastic=1.2),
}
"""Strengths by name."""


def deform(pictures: Array, numbers: Integers, seed: int, augment: Augment, out: Array) -> None:
    """out ← the pictures, deformed; both (cases, height, width), float32.

    numbers: of each case, how many had been seen before it in training. What is done to a case is a
    function of the seed and this number alone, whichever others are deformed with it.
    """
    for start in range(0, len(pictures), BLOCK):
        some = slice(start, start + BLOCK)
        rows, columns = _places(pictures.shape[1:], numbers[some], seed, augment)
        _look_up(pictures[some], rows, columns, out[some])


def _places(
    size: tuple[int, ...], numbers: Integers, seed: int, augment: Augment
) -> tuple[Array, Array]:
    """Where each pixel of each case is looked up: its row and column, (cases, height · width)."""
    height, width = size
    points = 2 * GRID * GRID if augment.elastic else 0
    draws = _uniform(seed, numbers, DRAWS + points)
    amounts = 2 * draws[:, :DRAWS] - 1  # from −1 to 1
    angle = amounts[:, 0] * np.float32(augment.rotation * pi / 180)
    zoom = 1 + np.float32(augment.zoom) * amounts[:, 1:3]
    lean = np.float32(augment.shear) * amounts[:, 3]
    shift = np.float32(augment.shift) * amounts[:, 4:6]
    cos, sin = np.cos(angle), np.sin(angle)
    # A = rotation · shear · zoom, one row of it for each coordinate, with the shift as third column
    affine = np.empty((len(numbers), 2, 3), np.float32)
    affine[:, 0, 0], affine[:, 0, 1] = cos * zoom[:, 0], (cos * lean - sin) * zoom[:, 1]
    affine[:, 1, 0], affine[:, 1, 1] = sin * zoom[:, 0], (sin * lean + cos) * zoom[:, 1]
    affine[:, :, 2] = shift + np.array([(height - 1) / 2, (width - 1) / 2], np.float32)
    places = (affine.reshape(-1, 3) @ _pixels(height, width)).reshape(len(numbers), 2, -1)
    if augment.elastic:
        noise = draws[:, DRAWS:].reshape(-1, GRID, GRID) - np.float32(0.5)
        down, across = _interpolation(height), _interpolation(width)
        field = down @ noise @ across.T
        field *= np.float32(augment.elastic / SPREAD)
        places += field.reshape(places.shape)
    return places[:, 0], places[:, 1]


def _look_up(pictures: Array, rows: Array, columns: Array, out: Array) -> None:
    """out ← the pictures at these places, interpolated linearly from the four pixels around."""
    count, height, width = pictures.shape
    padded = np.zeros((count, height + 3, width + 3), np.float32)
    padded[:, 1 : height + 1, 1 : width + 1] = pictures
    rows += 1
    columns += 1
    np.clip(rows, 0, height + 1, out=rows)  # beyond the padding there is as little as in it
    np.clip(columns, 0, width + 1, out=columns)
    top, left = rows.astype(np.int32), columns.astype(np.int32)
    rows -= top
    columns -= left
    top *= width + 3
    top += left
    top += np.arange(count, dtype=np.int32)[:, None] * np.int32((height + 3) * (width + 3))
    flat = padded.ravel()
    upper, lower = flat.take(top), flat.take(top + np.int32(width + 3))
    upper += columns * (flat.take(top + np.int32(1)) - upper)
    lower += columns * (flat.take(top + np.int32(width + 4)) - lower)
    lower -= upper
    lower *= rows
    np.add(upper, lower, out=out.reshape(count, -1))


def _uniform(seed: int, numbers: Integers, draws: int) -> Array:
    """Uniform numbers from 0 to 1, (cases, draws): a hash of the seed, the case and the draw.

    SplitMix64 as a counter-based generator (Steele, Lea and Flood 2014, OOPSLA).
    """
    with np.errstate(over="ignore"):
        start = _mixed(np.array([seed], np.uint64))[0]
        base = _mixed(numbers.astype(np.uint64) + start)
        steps = np.arange(1, draws // 2 + draws % 2 + 1, dtype=np.uint64) * GOLDEN
        bits = _mixed(base[:, None] + steps)
    # each 64 bits make two numbers of 24 bits
    pairs = np.ascontiguousarray(bits).view(np.uint32)[:, :draws] >> np.uint32(8)
    uniform: Array = pairs.astype(np.float32)
    uniform *= np.float32(2**-24)
    return uniform


GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mixed(bits: "np.ndarray[tuple[int, ...], np.dtype[np.uint64]]") -> Integers:
    """The finalizer of SplitMix64."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


@cache
def _pixels(height: int, width: int) -> Array:
    """Every pixel's row and column, counted from the centre, and 1: (3, height · width)."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    ones = np.ones(height * width, np.float32)
    return np.stack([(rows - (height - 1) / 2).ravel(), (columns - (width - 1) / 2).ravel(), ones])


@cache
def _interpolation(size: int) -> Array:
    """Weights of the grid's points for each pixel, (size, GRID), of norm 1: Gaussians."""
    points = np.linspace(0, size - 1, GRID)
    distance = (np.arange(size)[:, None] - points) / (points[1] - points[0] or 1)
    weights = np.exp(-(distance**2))
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    result: Array = weights.astype(np.float32)
    return result


def side_of(inputs: int) -> int:
    """The side of a square picture of so many pixels. Raises ValueError where there is none."""
    side = isqrt(inputs)
    if side * side != inputs or side < 2:
        raise ValueError(
            f"deformations need square pictures, and a case has {inputs:,} numbers here"
        )
    return side
