"""Drawings are prepared as MNIST's makers prepared theirs, whatever pen drew them."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from conftest import ROOT
from handwriting_helpers import as_file, read_digits
from PIL import Image, ImageDraw
from scipy import ndimage

from digitnet.digits.datasets import SOURCES
from digitnet.digits.files import BadFile
from digitnet.digits.pictures import MAX_PIXELS, read_picture
from digitnet.digits.prepare import (
    BOX,
    CENTRE,
    SIDE,
    NoDigit,
    distance_to_edge,
    prepare,
    skeleton,
    stroke_width,
    with_pen,
)


def drawn_seven(side: int, pen: float) -> np.ndarray:
    """A 7 of straight lines with a round pen, 0 to 255, in the middle of a square of `side`."""
    t = np.linspace(0, 1, 4 * side)
    bar = np.stack([np.full_like(t, 0.2), 0.3 + 0.4 * t])
    stem = np.stack([0.2 + 0.6 * t, 0.7 - 0.25 * t])
    middle = np.ones((side, side), bool)
    rows, columns = (np.concatenate([bar, stem], axis=1) * side).astype(int)
    middle[rows, columns] = False
    distance = ndimage.distance_transform_edt(middle)
    return (255 * np.clip(pen / 2 - distance + 0.5, 0, 1)).astype(np.uint8)


def width_of(picture: np.ndarray) -> float:
    """The width of a prepared digit's strokes, in its pixels."""
    large = ndimage.zoom(picture / 255, 5, order=3, mode="grid-constant", grid_mode=True)
    return stroke_width(distance_to_edge(large > 0.5), skeleton(large > 0.5)) / 5


@pytest.mark.parametrize("pen", [1, 4, 12, 30])
@pytest.mark.parametrize("side", [40, 200, 900])
def test_what_comes_out_is_as_in_mnist(side: int, pen: int) -> None:
    if pen > side / 6:
        return
    picture = prepare(drawn_seven(side, pen))
    assert (picture.shape, picture.dtype, picture.max()) == ((SIDE, SIDE), np.uint8, 255)
    extents = [np.ptp(np.flatnonzero((picture > 40).any(axis=axis))) + 1 for axis in (0, 1)]
    assert BOX - 1 <= max(extents) <= BOX
    barycentre = ndimage.center_of_mass(picture)
    assert np.abs(np.array(barycentre) - CENTRE).max() <= 0.51
    assert 1.2 < width_of(picture) < 3.8


def test_pen_place_and_size_make_little_difference() -> None:
    reference = prepare(drawn_seven(200, 16)).astype(float)
    for side, pen in ((200, 2), (200, 30), (60, 5), (900, 20)):
        shifted = np.pad(drawn_seven(side, pen), ((0, side // 3), (side, 7)))
        other = prepare(shifted).astype(float)
        alike = (reference * other).sum() / np.sqrt((reference**2).sum() * (other**2).sum())
        assert alike > 0.75, (side, pen)


def test_a_stroke_that_is_thinned_is_not_torn() -> None:
    ink = np.zeros((60, 60), bool)
    ink[5:25, 20:40] = ink[35:55, 20:40] = True
    ink[25:35, 29:31] = True  # a bridge much thinner than the rest
    thin = with_pen(distance_to_edge(ink), skeleton(ink), -10) >= 0.5
    assert thin.sum() < ink.sum() / 2
    assert ndimage.label(thin, np.ones((3, 3)))[1] == 1


def test_the_width_of_a_stroke_is_measured() -> None:
    for pen in (5, 11, 21):
        ink = np.zeros((200, 60), bool)
        ink[30:170, 30 - pen // 2 : 31 + pen // 2] = True
        width = stroke_width(distance_to_edge(ink), skeleton(ink))
        assert width == pytest.approx(pen, rel=0.15, abs=1)


@pytest.mark.parametrize("ink", [np.zeros((9, 9)), np.zeros((0, 5)), np.full((5, 5), np.nan)])
def test_where_nothing_is_drawn_there_is_no_digit(ink: np.ndarray) -> None:
    with pytest.raises(NoDigit):
        prepare(ink)


def test_a_dot_and_a_line_are_drawings_too() -> None:
    for shape in ((1, 1), (1, 500), (500, 1), (3, 3)):
        assert prepare(np.full(shape, 9, np.uint8)).max() == 255


@pytest.mark.parametrize("change", [lambda p: p, lambda p: 255 - p], ids=["light", "dark"])
def test_a_picture_that_is_prepared_already_is_not_changed(change: Any) -> None:
    sample = SOURCES["sample"].read([ROOT / "data"]).test.inputs[:50].reshape(-1, 28, 28)
    for picture in sample:
        assert (read_digits(as_file(change(picture)))[0] == picture).all()
    small = np.pad(sample[0][4:24:2, 4:24:2], 9)  # 28 x 28 too, but drawn smaller
    assert np.ptp(np.flatnonzero(read_digits(as_file(change(small)))[0].any(axis=1))) >= 17


@pytest.mark.parametrize("form", ["JPEG", "MPO"])
@pytest.mark.parametrize("film", [0, 5_000_000], ids=["", "with a film"])
def test_a_photo_is_a_jpeg_whatever_a_phone_puts_after_it(form: str, film: int) -> None:
    image = Image.new("L", (6000, 4500), 240)  # larger than other formats than JPEG may be
    assert image.width * image.height > MAX_PIXELS
    ImageDraw.Draw(image).line((3000, 900, 3000, 3600), fill=20, width=300)
    more = {"save_all": True, "append_images": [image.resize((60, 45))]} if form == "MPO" else {}
    image.save(file := BytesIO(), form, progressive=True, **more)
    after = np.random.default_rng(0).bytes(film)  # it has the bytes of a scan's marker by chance
    data = file.getvalue() + after
    assert Image.open(BytesIO(data)).format == form
    assert len(read_digits(data)) == 1


@pytest.mark.parametrize("form", ["TIFF", "GIF", "WEBP", "PNG"])
def test_a_file_of_several_pictures_is_refused(form: str) -> None:
    pages = [Image.new("L", (60, 60), grey) for grey in (250, 240, 230)]
    pages[0].save(file := BytesIO(), form, save_all=True, append_images=pages[1:])
    with pytest.raises(BadFile, match="has several pictures: save the one to read"):
        read_picture(file.getvalue())


@pytest.mark.parametrize(
    ("kind", "begins"),
    {
        "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1",
        "AVIF": b"\0\0\0\x20ftypavif\0\0\0\0",
        "PDF": b"%PDF-1.7\n",
        "SVG": b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='http://www.w3.org/2000/svg'>",
    }.items(),
)
def test_what_is_not_read_is_named(kind: str, begins: bytes) -> None:
    with pytest.raises(BadFile, match=f"is {kind}; save it as JPEG or PNG"):
        read_picture(begins)
