"""Curves in files: lines in SVG, smooth pictures in PNG and PDF."""

import re
from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len

from digitnet.charts import (
    HEIGHT,
    LEFT,
    RIGHT,
    SIZE,
    WIDE,
    WIDTH,
    Chart,
    Line,
    Words,
    drawing_of_charts,
    rounded,
)
from digitnet.repl.features.plot import PlotResult
from digitnet.repl.pictures.file import picture_of

POINTS = [(0.0, 2.0), (50.0, 0.5), (100.0, 0.1)]
CHARTS = [
    Chart("cost", {"<training>": POINTS, "(b)": POINTS[::-1]}, over="mini-batches"),
    Chart("accuracy, %", {"": POINTS}, log_y=True, marked=30),
]


def test_svg_has_a_line_through_the_points_and_no_font_from_the_web() -> None:
    data = drawing_of_charts(CHARTS, is_light=True).svg()
    root = ElementTree.fromstring(data)
    lines = root.findall("{*}polyline[@stroke-width='2']")
    assert len(lines) == 3
    xy = [point.split(",") for point in lines[0].attrib["points"].split()]
    x, y = np.array(xy, float).T
    assert x.tolist() == [LEFT, (LEFT + WIDTH - RIGHT) / 2, WIDTH - RIGHT]
    assert (y[1] - y[0]) / (y[2] - y[0]) == pytest.approx(1.5 / 1.9, abs=1e-3)
    texts = [text.text for text in root.findall("{*}text")]
    assert {"cost", "<training>", "mini-batches", "30", "0.1"} <= {*texts}
    assert b"http" not in data.replace(b"http://www.w3.org/2000/svg", b"")


@pytest.mark.parametrize(
    "names",
    [("a", "b"), [f"network-{n}" for n in range(6)], [64 * "x", 64 * "y"], [28 * "很", 28 * "长"]],
)
def test_names_are_told_once_and_nothing_covers_another_or_is_cut(names: list[str]) -> None:
    ends = {name: [(0.0, 1.0), (150_000.0, 2.0)] for name in names}
    drawing = drawing_of_charts([Chart("cost", ends), Chart("accuracy", ends)], is_light=True)
    words = [shape for shape in drawing.shapes if isinstance(shape, Words)]
    wide = [WIDE * SIZE * cell_len(each.text) for each in words]
    left = [
        w.x - {"middle": s / 2, "end": s}.get(w.anchor, 0) for w, s in zip(words, wide, strict=True)
    ]
    places = sorted((w.y, x, x + s) for w, x, s in zip(words, left, wide, strict=True))
    assert sorted(w.text for w in words if w.text in names) == sorted(names)
    assert all(x >= 0 and end <= 2 * WIDTH for _, x, end in places)
    assert all(a[2] < b[1] for a, b in pairwise(places) if a[0] == b[0])
    lines = [y for shape in drawing.shapes if isinstance(shape, Line) for _, y in shape.points]
    assert max(w.y for w in words if w.text in names) < min(lines)
    assert max(w.y for w in words) < drawing.height


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((99.9, 99.97), ["99.9", "99.9175", "99.935", "99.9525", "99.97"]),
        ((97, 98), ["97", "97.25", "97.5", "97.75", "98"]),
        ((98, 99.97), ["98", "98.49", "98.98", "99.48", "99.97"]),
        ((99.98, 100), ["99.98", "99.985", "99.99", "99.995", "100"]),
        ((50, 100), ["50", "62.5", "75", "87.5", "100"]),
        ((0.1, 0.1), ["0.1"]),
    ],
)
def test_no_two_ticks_have_one_label_and_100_is_100(
    ends: tuple[float, float], labels: list[str]
) -> None:
    chart = Chart("accuracy, %", {"": list(enumerate(ends))})
    assert [label for _, label in chart.y_ticks(HEIGHT)] == labels


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.09166, "0.0917"), (1e-5, "1e-5"), (999.4, "999"), (999.6, "1,000"), (-9940.2, "-9,940"),
     (999_999.7, "1e6"), (2e7, "2e7"), (5.766e16, "5.77e16"), (1e100, "1e100"), (np.inf, "inf")],
)  # fmt: skip
def test_rounded_numbers_are_written_shortly(number: float, text: str) -> None:
    assert rounded(number) == text


def test_pdf_is_a_page_of_the_size_of_the_charts_in_points() -> None:
    data = picture_of(PlotResult(CHARTS, [], {}), "pdf", "")
    (box,) = re.findall(rb"/MediaBox \[ (.*?) \]", data)
    assert [float(n) for n in box.split()] == [0, 0, 2 * WIDTH, HEIGHT]


@pytest.mark.parametrize(("is_light", "corner"), [(True, (255, 255, 255)), (False, (22, 24, 29))])
def test_png_is_light_or_dark(is_light: bool, corner: tuple[int, ...]) -> None:
    image = Image.open(BytesIO(picture_of(PlotResult(CHARTS, [], {}), "png", "", light=is_light)))
    assert image.size == (4 * WIDTH, 2 * HEIGHT)
    assert image.getpixel((0, 0)) == corner
    assert len(image.getcolors(1 << 20)) > 20  # smooth lines
