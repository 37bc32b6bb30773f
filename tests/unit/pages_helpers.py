"""Pages of digits, numbers and letters such as people write and photograph, made from cases."""

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

import numpy as np
from conftest import ROOT
from handwriting_helpers import Floats, Rng, Stroke, as_file, blurred, light
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from digitnet.digits.datasets import SOURCES
from digitnet.engine.arrays import answers_of

SAMPLE = SOURCES["sample"].read([ROOT / "data"]).test
ANSWERS = [int(answer) for answer in answers_of(SAMPLE.targets)]


def text_of(cases: Sequence[int]) -> str:
    return "".join(str(ANSWERS[case]) for case in cases)


def stroke(row: int) -> Stroke:
    return Stroke.of(SAMPLE.inputs[row].reshape(28, 28))


def pasted(canvas: Floats, ink: Floats, top: int, left: int) -> None:
    """Draws the ink on the canvas, as far as it is on it."""
    top, left = max(0, top), max(0, left)
    place = canvas[top : top + ink.shape[0], left : left + ink.shape[1]]
    np.maximum(place, ink[: place.shape[0], : place.shape[1]], out=place)


def number(
    rows: Sequence[int], rng: Rng, height: float = 60, pen: float = 5, overlap: float = 0
) -> Floats:
    """Digits side by side. overlap: pixels by which neighbours overlap; negative for a gap."""
    inks = [stroke(row).drawn(height * rng.uniform(0.85, 1.1), pen) for row in rows]
    high = int(1.3 * height)
    canvas = np.zeros((high, sum(ink.shape[1] for ink in inks) + int(height) * len(inks)))
    edge, end = np.full(high, -1e9), 0
    for ink in inks:
        top = int(np.clip((high - len(ink)) / 2 + rng.normal(0, 0.04 * height), 0, high - len(ink)))
        mask = ink > 0.4
        place = slice(top, top + len(ink))
        starts = np.where(mask.any(axis=1), mask.argmax(axis=1), np.inf)
        left = max(0, int((edge[place] - starts).max() - overlap)) if end else 0
        pasted(canvas, ink, top, left)
        ends = left + ink.shape[1] - mask[:, ::-1].argmax(axis=1)
        edge[place] = np.maximum(edge[place], np.where(mask.any(axis=1), ends, -1e9))
        end = max(end, left + ink.shape[1])
    return canvas[:, :end]


def page(cases: Sequence[int], columns: int, rng: Rng, *, height: float = 40, pen: float = 3.5,
         varied: float = 0.1, lean: float = 0.0) -> tuple[Floats, str]:  # fmt: skip
    """Rows of digits on a sheet: its ink, and the rows as text. varied: their sizes. lean: slope of
    the lines."""
    rows = [list(cases[at : at + columns]) for at in range(0, len(cases), columns)]
    pitch_x, pitch_y = int(1.3 * height), int(1.7 * height)
    drop = int(abs(lean) * pitch_x * columns)
    sheet = np.zeros((pitch_y * (len(rows) + 1) + drop, pitch_x * (columns + 1)))
    for down, row in enumerate(rows):
        for across, case in enumerate(row):
            ink = stroke(case).drawn(height * np.exp(rng.normal(0, varied)), pen)
            y = pitch_y * (down + 0.9) + rng.normal(0, 0.05 * height) - len(ink) / 2
            x = pitch_x * (across + 0.9) + rng.normal(0, 0.07 * height) - ink.shape[1] / 2
            slope = lean * pitch_x * across + (drop if lean < 0 else 0)
            pasted(sheet, ink, int(y + slope), int(x))
    return sheet, "\n".join(map(text_of, rows))


def on_paper(ink: Floats, rng: Rng, dark: float = 40, paper: float = 235) -> Floats:
    return np.asarray(paper + (dark - paper) * ink + rng.normal(0, 2, ink.shape))


def ruled(ink: Floats, rng: Rng, *, squared: bool) -> Floats:
    lines = np.zeros(ink.shape)
    gap = int(rng.integers(24, 60))
    lines[int(rng.integers(gap)) :: gap] = lines[int(rng.integers(gap)) + 1 :: gap] = 1
    if squared:
        lines[:, int(rng.integers(gap)) :: gap] = 1
    turned = ndimage.rotate(lines, rng.uniform(-1, 1), reshape=False, order=1, mode="nearest")
    return np.maximum(ink, turned * rng.uniform(0.2, 0.45))


def edged(picture: Floats, rng: Rng) -> Floats:
    """With the dark edge of a scan."""
    picture = picture.copy()
    side = int(rng.integers(4))
    turned = np.rot90(picture, side)
    turned[: int(rng.integers(2, 8))] = rng.uniform(10, 70)
    return picture


def photographed(ink: Floats, rng: Rng) -> Floats:
    picture = rng.uniform(180, 235) * (1 - rng.uniform(0.55, 0.85) * ink)
    picture *= light(rng, ink.shape, rng.uniform(0.2, 0.6))
    picture *= 1 + 0.015 * blurred(rng, ink.shape, 3)
    picture = ndimage.gaussian_filter(picture, rng.uniform(0.3, 1.0))
    return np.asarray(picture + rng.normal(size=picture.shape) * rng.uniform(1, 5))


def on_table(picture: Floats, rng: Rng) -> Floats:
    """A sheet that lies on a dark table, turned a little."""
    picture = np.pad(picture, 30, constant_values=235)
    margin = int(0.15 * max(picture.shape))
    whole = np.pad(picture + 1, margin)
    whole = ndimage.rotate(whole, rng.uniform(-5, 5), order=1, reshape=False)
    table = rng.uniform(30, 70) + 6 * blurred(rng, whole.shape, 5)
    return np.where(whole > 0, whole, table)


Page = Callable[[Sequence[int], Rng], tuple[bytes, str]]


def pages(change: Callable[[Floats, Rng], Floats], quality: int = 0, **options: float) -> Page:
    """Makes pages of cases, and their text. change: makes a picture of the ink. quality: of a JPEG;
    0 for PNG. options: of `page`."""

    def make(cases: Sequence[int], rng: Rng) -> tuple[bytes, str]:
        columns = max(3, round(len(cases) ** 0.5 * 1.2))
        ink, text = page(cases, columns, rng, **options)
        picture = change(ink, rng)
        return as_file(picture, "JPEG", quality=quality) if quality else as_file(picture), text

    return make


def leaning(ink: Floats, rng: Rng) -> Floats:
    turned = ndimage.rotate(np.pad(ink, 10), rng.choice((-10, 10)), order=1)
    return on_paper(np.clip(turned, 0, 1), rng)


def faint(ink: Floats, rng: Rng) -> Floats:
    worn = ink * np.clip(0.75 + 0.25 * blurred(rng, ink.shape, 8), 0.25, 1)
    return on_paper(worn, rng, dark=120)


PAGES: dict[str, Page] = {
    "plain": pages(on_paper),
    "scan": pages(lambda ink, rng: edged(on_paper(ink, rng), rng)),
    "lines": pages(lambda ink, rng: on_paper(ruled(ink, rng, squared=False), rng)),
    "squares": pages(lambda ink, rng: on_paper(ruled(ink, rng, squared=True), rng)),
    "photo": pages(photographed, quality=70),
    "table": pages(lambda ink, rng: on_table(on_paper(ink, rng), rng), quality=80),
    "leaning": pages(leaning),
    "sideways": pages(lambda ink, rng: on_paper(np.rot90(ink, rng.choice((1, 3))), rng)),
    "upside_down": pages(lambda ink, rng: on_paper(np.rot90(ink, 2), rng)),
    "hairlines": pages(lambda ink, rng: on_paper(0.7 * ink, rng), quality=80, pen=1.4),
    "sizes": pages(on_paper, varied=0.2),
    "faint": pages(faint),
}


def touching(count: int, rng: Rng) -> tuple[bytes, str]:
    """Two or three digits that touch."""
    cases = rng.integers(0, len(ANSWERS), count)
    height = rng.uniform(40, 120)
    pen, overlap = height * rng.uniform(0.05, 0.11), rng.uniform(0, 0.04) * height
    ink = number(cases, rng, height, pen, overlap)
    return as_file(on_paper(np.pad(ink, int(height / 2)), rng)), text_of(cases)


def amount(rng: Rng) -> tuple[bytes, str]:
    """An amount as on a bill: 3 to 6 digits of which some touch, a point or comma before two of
    them, a line below or a dash after, sometimes a Euro sign."""
    count = int(rng.integers(3, 7))
    cases = rng.integers(0, len(ANSWERS), count)
    height = rng.uniform(50, 110)
    pen = height * rng.uniform(0.05, 0.1)

    def blank(width: float) -> Floats:
        return np.zeros((int(1.3 * height), int(width)))

    groups: list[Floats] = []
    at = 0
    style = rng.integers(3)  # with cents, with a dash, bare
    stop = count - 2 if style == 0 else count
    while at < count:
        end = min(at + int(rng.integers(1, 4)), stop if at < stop else count)
        touch = rng.uniform(0, 0.05) * height
        groups.append(number(cases[at:end], rng, height, pen, touch))
        at = end
        if at == stop and style == 0 and at < count:
            groups.append(dot := blank(max(4, 2 * pen)))
            top = 1.05 * height
            dot[int(top) : int(top + rng.uniform(1, 3) * pen), : max(3, int(1.3 * pen))] = 1
    if style == 1:
        groups.append(dash := blank(0.7 * height))
        dash[int(0.65 * height) : int(0.65 * height + pen)] = 1
    if rng.random() < 0.25:
        image = Image.fromarray(blank(0.9 * height).astype(np.uint8))
        draw = ImageDraw.Draw(image)
        draw.arc([height * part for part in (0.15, 0.2, 0.85, 1.1)], 40, 320, 255, int(pen))
        for y in (0.55, 0.75):
            draw.line([0, y * height, 0.6 * height, y * height], 255, int(pen))
        groups.append(np.asarray(image) / 255)
    gap = blank(rng.uniform(0.12, 0.3) * height)
    ink = np.concatenate([part for group in groups for part in (group[: len(gap)], gap)], axis=1)
    ink = np.pad(ink, int(height / 3))
    if rng.random() < 0.3:
        ink[-int(height / 5) : -int(height / 5) + max(2, int(pen / 2)), 5:-5] = 1
    if rng.random() < 0.3:
        return as_file(photographed(ink, rng), "JPEG", quality=70), text_of(cases)
    return as_file(on_paper(ink, rng)), text_of(cases)


LETTERS = "ABCDEFGHJKLMNPQRTUVWXYabcdefhijkmnpqrtuvwxyz#%&?@$+=*{}"


def letter(text: str, rng: Rng, font: str | None = None) -> bytes:
    """A letter or a symbol in a font, turned a little and drawn with worn ink."""
    height = int(rng.uniform(40, 150))
    loaded = ImageFont.truetype(font, height) if font else ImageFont.load_default(height)
    image = Image.new("L", (2 * height, 2 * height))
    ImageDraw.Draw(image).text((0.6 * height, 0.3 * height), text, 255, font=loaded)
    turned = image.rotate(rng.uniform(-8, 8), resample=Image.Resampling.BILINEAR)
    ink = np.asarray(turned) / 255
    shift = 0.03 * height * np.stack([blurred(rng, ink.shape, height / 3) for _ in range(2)])
    wavy = ndimage.map_coordinates(ink, np.mgrid[: len(ink), : ink.shape[1]] + shift, order=1)
    return as_file(on_paper(np.clip(wavy, 0, 1), rng))


def read_right(read: str, text: str) -> int:
    """How many digits of a text were read, in their order."""
    matcher = SequenceMatcher(None, read, text, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())
