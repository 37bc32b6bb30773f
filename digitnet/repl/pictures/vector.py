"""Charts in lines and letters: SVG and PDF, and PNG drawn from the same."""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from digitnet.repl.pictures.curves import Chart

WIDTH, HEIGHT, SIZE = 460, 320, 13  # a chart, and its letters, in points
LEFT, RIGHT, TOP, BOTTOM = 62, 18, 56, 48  # between the edges of a chart and its frame

PIXELS, SMOOTH = 2, 2
"""Pixels a point in PNG, which is drawn so many times as large and then reduced."""

DARK = ("#16181d", "#e8e8e8", "#3a3f4a")
LIGHT = ("#ffffff", "#222222", "#dddddd")
"""Background, letters and grid."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
BRIGHT = ("#56b4e9", "#e69f00", "#2fc49b", "#e08fbf", "#f0e442", "#5b8ff9")
"""Of the curves, on light and on dark: the palette of Okabe and Ito, seen by the colour-blind."""

FONTS = ("DejaVuSans.ttf", "Helvetica.ttc", "arial.ttf", "LiberationSans-Regular.ttf")

ANCHORS = {"start": (0.0, "ls"), "middle": (0.5, "ms"), "end": (1.0, "rs")}
"""The point of a text that is at its place → the fraction left of it, and Pillow's word for it."""


@dataclass(frozen=True)
class Line:
    """A line through points, in points from the left and from the top."""

    points: Sequence[tuple[float, float]]
    colour: str
    width: float = 1.0


@dataclass(frozen=True)
class Words:
    """A text. anchor: what of it is at x; see ANCHORS. y: of its baseline."""

    x: float
    y: float
    text: str
    colour: str
    anchor: str = "start"


def shapes_of(chart: Chart, left: float, *, is_light: bool) -> Iterator[Line | Words]:
    """A chart of WIDTH and HEIGHT that begins at `left`."""
    (_, ink, grid), colours = (LIGHT, COLOURS) if is_light else (DARK, BRIGHT)
    yield Words(left + LEFT, 20, chart.title, ink)
    if not chart.lines:
        return
    low, high = chart.bounds
    span = np.where(high > low, high - low, 1.0)
    inner = np.array([WIDTH - LEFT - RIGHT, -(HEIGHT - TOP - BOTTOM)])
    corner = np.array([left + LEFT, HEIGHT - BOTTOM])

    def placed(x: float, y: float) -> tuple[float, float]:
        across, down = (np.array([x, y]) - low) / span * inner + corner
        return float(across), float(down)

    for y, label in chart.y_ticks(HEIGHT):
        (start, down), (end, _) = placed(low[0], y), placed(low[0] + span[0], y)
        yield Line([(start, down), (end, down)], grid)
        yield Words(start - 6, down + SIZE / 3, label, ink, "end")
    if chart.marked is not None:
        x = np.log10(chart.marked) if chart.log_x else chart.marked
        yield Line([placed(x, low[1]), placed(x, low[1] + span[1])], ink)
    for x, label in chart.x_ticks(WIDTH // 6):
        across, down = placed(x, low[1])
        yield Words(across, down + SIZE + 6, label, ink, "middle")
    yield Words(corner[0] + inner[0] / 2, HEIGHT - 8, chart.over, ink, "middle")
    across = left + LEFT
    for number, name, xy in chart.lines:
        colour = colours[number % len(colours)]
        yield Line([placed(*point) for point in xy.T], colour, 2)
        if name:
            yield Words(across, 40, name, colour)
            across += length(f"{name}    ")


def length(text: str) -> float:
    """The length of a text in Helvetica, about; of numbers, exactly."""
    narrow = sum(character in " .,:;'il|!()-" for character in text)
    return SIZE * (0.278 * narrow + 0.556 * (len(text) - narrow))


def svg(shapes: Sequence[Line | Words], width: int, background: str) -> bytes:
    """An SVG file; its letters are in a font that is there."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" width="{width}" '
        f'height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" font-size="{SIZE}">',
        f'<rect width="100%" height="100%" fill="{background}"/>',
    ]
    for shape in shapes:
        if isinstance(shape, Line):
            points = " ".join(f"{x:.2f},{y:.2f}" for x, y in shape.points)
            parts.append(
                f'<polyline points="{points}" fill="none" stroke="{shape.colour}" '
                f'stroke-width="{shape.width:g}" stroke-linejoin="round"/>'
            )
        else:
            parts.append(
                f'<text x="{shape.x:.2f}" y="{shape.y:.2f}" fill="{shape.colour}" '
                f'text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
            )
    return "\n".join([*parts, "</svg>\n"]).encode()


def pdf(shapes: Sequence[Line | Words], width: int, background: str) -> bytes:
    """A PDF file of one page. Raises ValueError for letters that its font does not have."""

    def colour(value: str) -> str:
        return " ".join(f"{int(value[k : k + 2], 16) / 255:.3f}" for k in (1, 3, 5))

    drawn = [f"{colour(background)} rg 0 0 {width} {HEIGHT} re f 1 j"]
    for shape in shapes:
        if isinstance(shape, Line):
            points = [f"{x:.2f} {HEIGHT - y:.2f}" for x, y in shape.points]
            path = " l ".join([f"{points[0]} m {points[1]}", *points[2:]])
            drawn.append(f"{colour(shape.colour)} RG {shape.width:g} w {path} l S")
        else:
            x, y = shape.x - ANCHORS[shape.anchor][0] * length(shape.text), HEIGHT - shape.y
            text = shape.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
            place = f"BT /F {SIZE} Tf {colour(shape.colour)} rg {x:.2f} {y:.2f} Td"
            drawn.append(f"{place} ({text}) Tj ET")
    stream = zlib.compress("\n".join(drawn).encode("cp1252"))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {HEIGHT}] /Contents 4 0 R "
        "/Resources << /Font << /F 5 0 R >> >> >>".encode(),
        b"<< /Length %d /Filter /FlateDecode >> stream\n%b\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    file, places = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj %b endobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(file))
    return file + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


def png(shapes: Sequence[Line | Words], width: int, background: str) -> bytes:
    scale = PIXELS * SMOOTH
    image = Image.new("RGB", (width * scale, HEIGHT * scale), background)
    draw = ImageDraw.Draw(image)
    font = first_font(FONTS, SIZE * scale)
    for shape in shapes:
        if isinstance(shape, Line):
            points = [(x * scale, y * scale) for x, y in shape.points]
            draw.line(points, shape.colour, round(shape.width * scale), joint="curve")
        else:
            place = shape.x * scale, shape.y * scale
            anchor = ANCHORS[shape.anchor][1]
            draw.text(place, shape.text, shape.colour, font, anchor=anchor)
    file = BytesIO()
    image.reduce(SMOOTH).save(file, "PNG", optimize=True)
    return file.getvalue()


@cache
def first_font(names: tuple[str, ...], size: int) -> Any:
    """The first of these fonts that is there, or Pillow's default."""
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


WRITERS = {"svg": svg, "pdf": pdf, "png": png}


def written(charts: Sequence[Chart], suffix: str, *, is_light: bool) -> bytes:
    """A file with charts side by side. Raises ValueError like `pdf`."""
    every = [shapes_of(chart, WIDTH * n, is_light=is_light) for n, chart in enumerate(charts)]
    shapes = [shape for each in every for shape in each]
    return WRITERS[suffix](shapes, WIDTH * len(charts), (LIGHT if is_light else DARK)[0])
