"""Curves in files are lines that any program reads: SVG, PDF and PNG."""

import re
import zlib
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from digitnet.charts import HEIGHT, LEFT, RIGHT, WIDTH, Chart, drawing_of_charts
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


def test_pdf_has_its_objects_where_its_table_says_and_draws_lines() -> None:
    data = drawing_of_charts(CHARTS, is_light=False).pdf()
    start = int(re.search(rb"startxref\n(\d+)", data)[1])  # type: ignore[index]
    for number, place in enumerate(re.findall(rb"(\d{10}) 00000 n", data[start:]), 1):
        assert data[int(place) :].startswith(b"%d 0 obj" % number)
    stream = re.search(rb"stream\n(.*)\nendstream", data, re.DOTALL)
    assert stream
    drawn = zlib.decompress(stream[1]).decode("cp1252")
    assert len(re.findall(r"2 w .* m .* l .* l S", drawn)) == 3
    assert r"(\(b\)) Tj" in drawn
    with pytest.raises(UnicodeEncodeError):
        drawing_of_charts([Chart("数", {"": POINTS})], is_light=True).pdf()


@pytest.mark.parametrize(("is_light", "corner"), [(True, (255, 255, 255)), (False, (22, 24, 29))])
def test_png_is_light_or_dark(is_light: bool, corner: tuple[int, ...]) -> None:
    image = Image.open(BytesIO(picture_of(PlotResult(CHARTS, [], {}), "png", "", light=is_light)))
    assert image.size == (4 * WIDTH, 2 * HEIGHT)
    assert image.getpixel((0, 0)) == corner
    assert len(image.getcolors(1 << 20)) > 20  # smooth lines
