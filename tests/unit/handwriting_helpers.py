"""Pictures such as people make of digits: MNIST's strokes drawn again with other pens, on paper.

Each digit is enlarged smoothly, its strokes are thinned to their middle, and that is drawn with a
pen of any width, at any size, anywhere on a sheet; then paper, light and camera do their part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from digitnet.digits.page import page_in
from digitnet.digits.pictures import read_picture
from digitnet.digits.prepare import Picture, skeleton

Floats = NDArray[np.floating]
Rng = np.random.Generator

ENLARGED = 6


@dataclass
class Stroke:
    """A digit's strokes: points (x, y) along their middle, and the pairs of them that are joined.

    The digit is 1 high, or wide.
    """

    points: Floats
    lines: NDArray[np.intp]

    @classmethod
    def of(cls, pixels: NDArray[np.uint8]) -> "Stroke":
        """The strokes of a 28 x 28 digit."""
        larger = ndimage.zoom(pixels / 255, ENLARGED, order=3, mode="grid-constant", grid_mode=True)
        middle = skeleton(np.asarray(larger > 0.5))
        rows, columns = np.nonzero(middle)
        points = np.stack([columns, rows], axis=1).astype(float)
        away = np.abs(points[:, None] - points).max(axis=2)
        joined = away == 1
        for _ in range(4):  # without the stairs of pixels; ends stay where they are
            means = joined @ points / np.maximum(joined.sum(axis=1), 1)[:, None]
            inner = joined.sum(axis=1) >= 2
            points[inner] = 0.5 * (points + means)[inner]
        points -= points.min(axis=0)
        lines = np.argwhere(np.triu(joined))
        return cls(points / max(points.max(), 1), lines)

    def drawn(self, height: float, pen: float, angle: float = 0.0) -> Floats:
        """Ink 0 to 1 of the digit, `height` pixels high, with a round pen so many pixels wide."""
        fine = 4 if height < 150 else 2
        turn = np.deg2rad(angle)
        matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        points = self.points @ matrix.T
        points = (points - points.min(axis=0)) * max(1.0, height - pen) * fine
        margin, wide = fine * (pen / 2 + 1), max(1, round(pen * fine))
        width, length = (int(n) // fine + 1 for n in points.max(axis=0) + 2 * margin)
        image = Image.new("L", (width * fine, length * fine))
        draw = ImageDraw.Draw(image)
        points += margin
        for start, end in self.lines:
            draw.line([*points[start], *points[end]], 255, wide)
        if wide > 2:
            for x, y in points:
                radius = wide / 2
                draw.ellipse([x - radius, y - radius, x + radius, y + radius], 255)
        return np.asarray(image.reduce(fine), np.float32) / 255


def sheet(ink: Floats, rng: Rng, size: tuple[int, int] | None = None, room: float = 1.0) -> Floats:
    """The ink anywhere on a larger sheet, or on one of this size."""
    if size is None:
        size = (max(int(n * (1.2 + room * rng.random())) + 4 for n in ink.shape),) * 2
    whole = np.zeros(size)
    spare = (n - m for n, m in zip(size, ink.shape, strict=True))
    top, left = (int(rng.integers(0, n + 1)) for n in spare)
    whole[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return whole


def blurred(rng: Rng, shape: tuple[int, ...], width: float) -> Floats:
    """Smooth noise of mean 0 and standard deviation 1."""
    small = tuple(max(4, int(n / max(width, 1)) + 4) for n in shape)
    noise = ndimage.gaussian_filter(rng.normal(size=small), 1, mode="wrap")
    zoom = np.divide(shape, small)
    zoomed = ndimage.zoom(noise, zoom, order=1, grid_mode=True, mode="nearest")
    return np.asarray((zoomed - zoomed.mean()) / (zoomed.std() + 1e-9))


def light(rng: Rng, shape: tuple[int, int], strength: float) -> Floats:
    """Light that falls unevenly: a ramp in some direction and a soft shadow; its mean is 1."""
    rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    turn = rng.uniform(0, 2 * np.pi)
    ramp = np.cos(turn) * rows + np.sin(turn) * columns
    edge = rng.uniform(-1.5, 1.5)
    shadow = 1 / (1 + np.exp((ramp - edge) * rng.uniform(4, 12)))
    return np.asarray(1 + strength * (0.5 * ramp - 0.4 * shadow))


def rules(rng: Rng, shape: tuple[int, int], squared: bool) -> Floats:
    """Printed lines, 0 to 1: rows of them, or squares."""
    gap = max(6, int(max(shape) * rng.uniform(0.12, 0.35)))
    width = max(1, round(max(shape) / 300))
    ink = np.zeros(shape)
    for axis in (0, 1) if squared else (0,):
        for start in range(int(rng.integers(gap)), shape[axis], gap):
            index: list[slice] = [slice(None)] * 2
            index[axis] = slice(start, start + width)
            ink[tuple(index)] = 1
    return ndimage.rotate(ink, rng.uniform(-2, 2), reshape=False, order=1, mode="nearest")


def read_digits(data: bytes) -> list[Picture]:
    """The digits in a picture file, in reading order, without a judge."""
    return [digit.picture for digit in page_in(read_picture(data)).digits]


def as_file(picture: Floats, kind: str = "PNG", **options: object) -> bytes:
    """The picture, 0 to 255, in a file."""
    file = BytesIO()
    Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(file, kind, **options)
    return file.getvalue()


def _ink(
    stroke: Stroke,
    rng: Rng,
    heights: tuple[float, float] = (18, 900),
    pens: tuple[float, float] | None = None,
    least: float = 0,
    turn: float = 0,
    size: tuple[int, int] | None = None,
    room: float = 1.0,
) -> Floats:
    """The digit on a sheet. pens: their widths as parts of its height; else any, up to a marker."""
    height = float(np.exp(rng.uniform(*np.log(heights))))
    if pens is None:
        pen = float(max(0.8, height * np.exp(rng.uniform(np.log(0.012), np.log(0.2)))))
    else:
        pen = max(least, height * rng.uniform(*pens))
    angle = rng.uniform(-turn, turn) if turn else 0
    return sheet(stroke.drawn(height, pen, angle), rng, size, room)


def _on_paper(ink: Floats, dark: float = 30, paper: float = 245) -> Floats:
    return np.asarray(paper + (dark - paper) * ink)


Kind = Callable[[Stroke, Rng], bytes]


def drawing(dark: float = 30, paper: float = 245, **how: Any) -> Kind:
    """One grey on another. how: arguments of `_ink`."""
    return lambda stroke, rng: as_file(_on_paper(_ink(stroke, rng, **how), dark, paper))


def hairline(stroke: Stroke, rng: Rng) -> bytes:
    """A stroke of one or two pixels on a large canvas."""
    height = float(np.exp(rng.uniform(np.log(100), np.log(1200))))
    return as_file(_on_paper(sheet(stroke.drawn(height, rng.uniform(1, 2)), rng), 0, 255))


def inverted(stroke: Stroke, rng: Rng) -> bytes:
    """Light on dark."""
    return as_file(_on_paper(_ink(stroke, rng), rng.uniform(170, 255), rng.uniform(0, 60)))


def noisy(stroke: Stroke, rng: Rng) -> bytes:
    """A grainy sensor and strong compression."""
    ink = _ink(stroke, rng, (40, 500), (0.03, 0.15), least=2)
    picture = _on_paper(ink, rng.uniform(20, 80), rng.uniform(180, 250))
    picture += rng.normal(size=picture.shape) * rng.uniform(3, 14)
    return as_file(picture, "JPEG", quality=int(rng.integers(25, 80)))


def ruled(stroke: Stroke, rng: Rng) -> bytes:
    """Ruled or squared paper."""
    ink = _ink(stroke, rng, (60, 500), (0.025, 0.1), least=2)
    lines = rules(rng, ink.shape, bool(rng.random() < 0.5)) * rng.uniform(0.15, 0.6)
    return as_file(_on_paper(np.maximum(ink, lines)))


def photograph(stroke: Stroke, rng: Rng) -> bytes:
    """A photograph of paper: uneven light, texture, blur, noise, pencil or pen, sometimes ruled."""
    ink = _ink(stroke, rng, (60, 700), (0.02, 0.1), least=2, room=1.5)
    ink = ink * np.clip(0.85 + 0.12 * blurred(rng, ink.shape, max(ink.shape) / 30), 0.3, 1)
    if rng.random() < 0.3:
        lines = rules(rng, ink.shape, bool(rng.random() < 0.5)) * rng.uniform(0.1, 0.4)
        ink = np.maximum(ink, lines)
    paper = rng.uniform(170, 240)
    picture = paper * (1 - rng.uniform(0.5, 0.85) * ink)
    picture *= light(rng, ink.shape, rng.uniform(0.2, 0.7))
    picture *= 1 + 0.015 * blurred(rng, ink.shape, 3) + 0.02 * blurred(rng, ink.shape, 20)
    picture = ndimage.gaussian_filter(picture, rng.uniform(0.3, 1.2))
    picture += rng.normal(size=picture.shape) * rng.uniform(1, 6)
    return as_file(picture, "JPEG", quality=int(rng.integers(50, 95)))


def transparent(stroke: Stroke, rng: Rng) -> bytes:
    """Ink of any colour on nothing."""
    ink = _ink(stroke, rng)
    picture = np.empty((*ink.shape, 4), np.uint8)
    picture[..., :3] = rng.integers(0, 256, 3)
    picture[..., 3] = 255 * ink
    return as_file(picture)


def coloured(stroke: Stroke, rng: Rng) -> bytes:
    """A colour on another one."""
    ink = _ink(stroke, rng)[..., None]
    while True:
        paper, pen = rng.integers(0, 256, (2, 3))
        if np.abs(paper - pen).max() > 90:
            return as_file(paper + (pen - paper) * ink)


KINDS: dict[str, Kind] = {
    "clean": drawing(0, 255),  # of a drawing program, with pens of all widths
    "hairline": hairline,
    "marker": drawing(0, 255, heights=(40, 600), pens=(0.16, 0.24)),
    "inverted": inverted,
    "corner": drawing(heights=(40, 150), pens=(0.03, 0.12), least=1.5, size=(700, 900)),
    "turned": drawing(turn=15),
    "noisy": noisy,
    "ruled": ruled,
    "photograph": photograph,
    "transparent": transparent,
    "coloured": coloured,
}
