"""Digits, letters and symbols of fonts that look handwritten, for make_hand.py and make_judge.py.

Any font files in a folder will do. For the networks in saves/included they were those of Google
Fonts' category "handwriting" as Fontsource packages them (@fontsource/NAME, version 5): *.woff of
weight 400 and 700, latin, greek and cyrillic, without the families with guide lines. Every fifth
family is left out, to measure with.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from digitnet.digits.prepare import NoDigit, Picture, prepare

Floats = NDArray[np.float32]

SIZE, LARGEST = 48, 200  # points of the font, and pixels of the largest character taken
DIGITS = "0123456789"
LETTERS = (
    "ABCDEFGHJKLMNPQRTUVWXYacdefhijkmnprtuvwxy+=#%&?@$<>*~äöüßéñ"
    "ΓΔΘΛΞΠΣΦΨΩαβγεζηθκλμνξπρτφχψωБГДЖИЛПФЦШЩЫЭЮЯвгджиклмнптцшщыюя"
)
"""Without those that are written like a digit: O, l, S, Z, b, g, q and others."""


def fonts(folder: Path, held_out: bool = False) -> list[ImageFont.FreeTypeFont]:
    """The fonts of the folder, or those of the families left out."""
    files = [file for file in sorted(folder.rglob("*")) if file.suffix in {".ttf", ".otf", ".woff"}]
    families = sorted({_family(file) for file in files})[::5]
    chosen = [file for file in files if (_family(file) in families) is held_out]
    return [ImageFont.truetype(str(file), SIZE) for file in chosen]


def _family(file: Path) -> str:
    return file.stem.rsplit("-", 3)[0]  # indie-flower of indie-flower-latin-400-normal.woff


def written(
    font: ImageFont.FreeTypeFont, characters: str, rng: np.random.Generator
) -> Iterator[tuple[Picture, str]]:
    """Each of the characters that the font has, once, as a network sees it."""
    missing = _ink(font, "\uffff")
    for character in characters:
        ink = _ink(font, character)
        if ink is None or (missing is not None and np.array_equal(ink, missing)):
            continue
        drawn = varied(ink, rng)
        if _pieces(drawn) != _pieces(ink):  # a hairline that broke, or strokes that ran together
            continue
        try:
            yield prepare(np.where(drawn > 0.05, drawn, 0)), character
        except NoDigit:
            continue


def _ink(font: ImageFont.FreeTypeFont, character: str) -> Floats | None:
    """A character in the middle of a square of half its size more; None if there is none."""
    left, top, right, bottom = font.getbbox(character)
    wide, high = right - left, bottom - top
    side = 2 * round(0.75 * max(wide, high) + 8)
    if not wide or not high or side > LARGEST:
        return None
    image = Image.new("L", (side, side))
    place = ((side - wide) / 2 - left, (side - high) / 2 - top)
    ImageDraw.Draw(image).text(place, character, 255, font=font)
    return np.asarray(image, np.float32) / 255


def varied(ink: Floats, rng: np.random.Generator) -> Floats:
    """Ink turned, slanted, stretched and distorted a little, in thinner or thicker strokes."""
    angle, slant, wide = np.deg2rad(rng.uniform(-12, 12)), rng.normal(0, 0.15), rng.normal(0, 0.12)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, 0], [slant, np.exp(-wide)]])  # rows before columns
    middle = np.array(ink.shape).reshape(2, 1) / 2
    places = matrix @ (np.indices(ink.shape).reshape(2, -1) - middle) + middle
    smooth = rng.uniform(3, 7)
    shifts = ndimage.gaussian_filter(
        rng.normal(size=(2, len(ink) // 2, len(ink) // 2)), (0, smooth, smooth)
    )
    shifts *= rng.uniform(0, 2.2) / shifts.std()
    places += ndimage.zoom(shifts, (1, 2, 2), order=1).reshape(2, -1)
    drawn = ndimage.map_coordinates(ink, places, order=1).reshape(ink.shape)
    drawn = ndimage.gaussian_filter(drawn, rng.uniform(0.5, 2.2))
    level = rng.uniform(0.2, 0.5)
    darkness: Floats = np.clip((drawn / drawn.max() - level) / 0.3 + 0.5, 0, 1)
    return darkness


def _pieces(ink: Floats) -> int:
    return int(ndimage.label(ink > 0.5, np.ones((3, 3)))[1])
