"""Makes cases that teach the network `judge` what is a digit, no digit, or several digits.

    python data/make_judge.py --data DIR --fonts DIR judge.npz

The answers are 0 to 9, 10 for "no digit" and 11 for "several digits". Digits are MNIST's first
55,000 cases, those of make_hand.py, those of fonts that look handwritten (fonts.py), and digits cut
from others that they touched. The others are made of the same: digits that touch, pieces of badly
cut ones, digits turned by odd angles, letters and symbols as hands and fonts write them, pieces of
them, random strokes, textures and blots. A twentieth of them is for testing. The same file comes
out of every run with the same fonts.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import chain
from pathlib import Path

import numpy as np
from fonts import DIGITS, LETTERS, Floats, fonts, written
from make_hand import TO_TEST, TO_TRAIN, Writer, digits
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from digitnet.digits.cuts import area_between, piece_seen, pieces_between, seams
from digitnet.digits.datasets import SOURCES
from digitnet.digits.drawing import SIDE, Brush, Drawing
from digitnet.digits.prepare import (
    NoDigit,
    Picture,
    box_of,
    prepare,
    with_usual_strokes,
)
from digitnet.engine.arrays import answers_of

NONE, SEVERAL = 10, 11
Case = tuple[Picture, int]
Rng = np.random.Generator

GLYPHS = (
    """
A 09 40 89/25 65|A ~09 20 40 69 89/15 75|B 00 09/~00 61 63 04/~04 75 78 09|C ~81 40 05 49 88
D 00 09/~00 73 76 09|D ~10 19/~00 40 84 49 09|E 80 00 09 89/04 64|E ~71 30 13 44 06 39 78
F 80 00 09/04 64|G ~81 40 05 49 87/87 85 55|H 00 09/80 89/04 84|J ~60 66 39 07|J 20 80/~60 66 39 07
K 00 09/70 04 79|L 00 09 79|M 09 00 45 80 89|M ~09 20 48 60 89|N 09 00 89 80|N ~09 20 69 80
P 09 00/~00 71 74 05|Q ~40 05 49 85 40/56 89|R 09 00/~00 71 73 04/34 79
T 00 80/40 49|U ~00 06 49 86 80|V 00 49 80|W 00 29 43 69 80|W ~00 29 43 69 80|X 00 89/80 09
Y 00 44 80/44 49|Y 00 44/80 29|Z 00 80 09 89/24 64|a ~73 34 06 38 76/73 77 89
a ~62 30 05 39 75 72/~72 76 89|d 80 89/~84 44 07 49 87|e ~05 85 43 05 49 88
e ~06 54 42 05 49 87|f ~71 40 32 39/14 74|h 00 09/~05 44 75 79|i 43 49/40 41|j ~43 48 09/40 41
k 00 09/63 06 69|m 03 09/~05 23 44 49/~45 63 84 89|n 03 09/~05 43 74 79|n ~03 05 09 23 43 59 79
p 03 09/~04 53 75 36 06|r 03 09/~05 33 63|r 04 24 09 23 53|t ~30 37 59 78/03 63|u ~03 07 49 78/73 79
u ~03 08 39 63 69 88|v 03 49 83|w 03 29 45 69 83|x 03 79/73 09|x ~03 34 59 79/~83 54 28 09
y 03 46/83 29|g ~73 33 05 36 74/~73 78 49 08 36 84
+ 04 84/40 48|= 03 83/06 86|- 04 84|E ~81 41 15 48 88/04 64/06 56|$ ~81 40 13 45 77 49 08/40 49
% 80 09/~10 01 12 21 10/~77 68 79 88 77|& ~89 32 20 41 16 39 85|# 20 29/60 69/03 83/06 86
? ~02 40 82 45 46/48 49|! 40 46/48 49|* 40 48/12 76/72 16|@ ~64 43 46 65 63 67 84 40 04 49 78
< 80 04 88|> 00 84 08|^ 08 40 88|~ ~04 22 44 66 84|> 04 84/52 84 56|^ 40 49/22 40 62|v 05 39 80
h ~42 20 03 49 83 60 42|* 40 69 03 83 19 40|^ 40 88 08 40|[ 00 80 88 08 00|[ 50 20 29 59
] 20 50 59 29|{ ~60 41 33 14 35 47 69|o ~40 04 48 84 40/22 23/62 63/~26 47 66|~ 04 20 44 60 84
@ ~44 54 46 34 42 64 47 14 41 84 49|H 08 04 40 84 88 08/38 36 56 58|p ~20 04 28 86 80|? 00 29/40 69
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
"""Letters, symbols and scribbles: strokes with points xy from 0 to 9 each; ~ for a curve. Those
that some people's digits look like, such as b, S, Z, δ and σ, are left out."""

GREEK = (
    """
a ~80 54 27 09 02 20 44 78 89|a ~83 47 29 04 20 43 69|b ~09 03 20 62 34/~34 63 66 28 07
g ~00 20 43 47/80 46 39|g ~00 33 46 39 26 80
h ~40 02 07 49 87 82 40/05 85|h ~40 02 07 49 87 82 40/~25 44 55 64|k 03 09/63 05 69|l 10 69/34 09
l ~00 20 46 79/44 09|m ~03 07 39 66/63 68 79/07 09|n 03 29 73|x ~71 30 32 54 35 07 29 68 59
p 00 80/20 19/60 69|p ~02 20 80/~30 28 09/~60 68 89|r ~09 03 31 65 37 05
t 03 83/~43 47 69|f ~23 05 38 77 73 42 49|x 03 79/~83 45 09|w ~23 05 27 46/~43 47 68 85 63
w ~20 03 37 20/~34 45 36|D 40 09 89 40|S 80 00 45 09 89|O ~29 09/~29 04 20 60 84 69/69 89
G 09 00 80|B 00 09/~00 81 04 87 09|B 10 19/~10 81 14 87 08|A 09 40 89/15 75
R ~19 10/~10 81 14/34 89|P 00 09/~00 82 04|D 00 09/~00 83 86 09
t 40 49/14 74|k 00 09/~62 04 44 69
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
"""Greek letters, and others that are easily taken for digits, as those of `GLYPHS`."""

PRINTED = "ABCDEFGHJKLMNPQRTUVWXYabcdefhijkmnprtuvwxyz+=#%&?@$<>*~^{}[]äöüßéñ"
FONTS = ("DejaVuSans.ttf", "DejaVuSansMono.ttf", "DejaVuSans-Oblique.ttf", "DejaVuSerif.ttf")


def glyph(rng: Rng, glyphs: Sequence[str] = GLYPHS) -> Floats:
    """A letter or symbol as a hand writes it."""
    writer, text = Writer(rng), glyphs[rng.integers(len(glyphs))][2:]
    strokes = []
    for stroke in text.split("/"):
        points = [(int(x) / 9 - 0.45, int(y) / 9) for x, y in stroke.strip("~").split()]
        strokes.append(writer.curve(*points) if stroke[0] == "~" else writer.line(*points))
    return stroked(strokes, rng, rng.uniform(0.6, 1.15), rng.uniform(-12, 12))


def stroked(strokes: list[NDArray[np.float64]], rng: Rng, wide: float, turn: float) -> Floats:
    """Strokes 1 high, drawn with any pen of the board."""
    angle, slant, high = np.deg2rad(turn), rng.normal(0.05, 0.15), rng.uniform(13, 21)
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turned @ np.array([[wide, -slant], [0, 1]]) * high
    radius = high / 20 * np.exp(rng.uniform(np.log(0.5), np.log(1.8)))
    pen, drawing = Brush(radius, edge=min(1.0, 2 * radius)), Drawing()
    for stroke in strokes:
        places = (stroke - (0, 0.5)) @ matrix.T + SIDE / 2
        drawing.press((places[0, 0], places[0, 1]), pen)
        for x, y in places[1:]:
            drawing.move((x, y))
        drawing.lift()
    return drawing.scaled_to(3 * SIDE, 3 * SIDE)


def scribble(rng: Rng) -> Floats:
    """One to three strokes through random points."""
    writer = Writer(rng)
    strokes = []
    for _ in range(rng.integers(1, 4)):
        points = rng.uniform((-0.45, 0), (0.45, 1), (rng.integers(3, 8), 2))
        strokes.append((writer.curve if rng.random() < 0.7 else writer.line)(*points.tolist()))
    return stroked(strokes, rng, 1, 0)


def printed(rng: Rng) -> Floats:
    """A letter or symbol in a font."""
    names = [None, *FONTS]
    try:
        name = names[rng.integers(len(names))]
        font = ImageFont.truetype(name, 60) if name else ImageFont.load_default(60)
    except OSError:
        font = ImageFont.load_default(60)
    image = Image.new("L", (120, 120))
    letter = PRINTED[rng.integers(len(PRINTED))]
    ImageDraw.Draw(image).text((30, 20), letter, 255, font=font)
    turned = image.rotate(rng.uniform(-12, 12), resample=Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32) / 255


def texture(rng: Rng) -> Floats:
    """Smooth noise above a threshold, in any shape of window."""
    shape = rng.integers(20, 60, 2)
    noise = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(0.6, 5))
    return (noise > np.quantile(noise, rng.uniform(0.3, 0.85))).astype(np.float32)


def blot(rng: Rng) -> Floats:
    """A filled ellipse, rectangle or polygon; some with a hole."""
    image = Image.new("L", (80, 80))
    draw = ImageDraw.Draw(image)
    sides = rng.uniform(14, 38, 2)
    box = [*(40 - sides), *(40 + sides)]
    match rng.integers(4):
        case 0:
            draw.ellipse(box, 255)
        case 1:
            draw.rectangle(box, 255)
        case 2:
            draw.polygon([*map(float, rng.uniform(5, 75, 2 * rng.integers(3, 7)))], 255)
        case 3:
            draw.rectangle(box, outline=255, width=int(rng.integers(2, 8)))
    turned = image.rotate(rng.uniform(0, 90), resample=Image.Resampling.BILINEAR)
    return np.asarray(turned, np.float32) / 255


def rotated(picture: Picture, digit: int, rng: Rng) -> Floats | None:
    """A digit turned so far that it is none; None for a 0 or a 1, which would still be one."""
    if digit < 2:
        return None
    angle = 180 if digit in (3, 4, 7) and rng.random() < 0.4 else 90 * rng.choice((-1, 1))
    return ndimage.rotate(picture / 255, angle + rng.uniform(-30, 30), order=1).astype(np.float32)


def touching(pictures: list[Picture], rng: Rng) -> tuple[Floats, Floats]:
    """Digits side by side so that they touch or nearly do: the ink, and that of each."""
    drawings = []
    for picture in pictures:
        zoom = 2 * rng.uniform(0.8, 1.15)
        drawn = np.clip(ndimage.zoom(picture / 255, (zoom, zoom * rng.uniform(0.85, 1.15))), 0, 1)
        rows, columns = (np.flatnonzero((drawn > 0.4).any(axis=a)) for a in (1, 0))
        drawings.append(drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    high = 16 + max(len(drawn) for drawn in drawings)
    canvas, at = np.zeros((len(drawings), high, 70 * len(drawings)), np.float32), 2
    edge = np.full(high, -np.inf)
    for layer, drawn in zip(canvas, drawings, strict=True):
        top = int(np.clip((high - len(drawn)) / 2 + rng.normal(0, 2.5), 0, high - len(drawn)))
        mask = drawn > 0.4
        starts = np.where(mask.any(axis=1), mask.argmax(axis=1), np.inf)
        rows = slice(top, top + len(drawn))
        free = float((edge[rows] - starts).max())
        overlap = rng.uniform(0, 5) if rng.random() < 0.8 else -rng.uniform(1, 4)
        at = max(0, int(free - overlap)) if np.isfinite(free) else 2
        layer[rows, at : at + drawn.shape[1]] = drawn
        ends = drawn.shape[1] - mask[:, ::-1].argmax(axis=1)
        ends = np.where(mask.any(axis=1), at + ends, -np.inf)
        edge[rows] = np.maximum(edge[rows], ends)
    return canvas.max(axis=0), canvas


def segments(pictures: list[Picture], answers: list[int], rng: Rng) -> Iterator[Case]:
    """Digits that touch, and some of the pieces that cuts make of them, with what is beside them.

    A piece is a digit if it is nearly that digit's ink, or nearer to it than all others are.
    """
    ink, each = touching(pictures, rng)
    yield prepare(ink), SEVERAL
    rows, columns = box_of(ink >= 0.5)
    ink, each = ink[rows, columns], each[:, rows, columns]
    drawn, cuts = with_usual_strokes(ink >= 0.5), seams(ink)
    found = pieces_between(drawn, cuts)
    if not found:
        return
    areas = [area_between(cuts, i, j, ink.shape) for i, j in found]
    masks = (np.stack(areas) & (ink >= 0.5)).reshape(len(areas), -1).astype(np.float32)
    digits = (each >= 0.5).reshape(len(each), -1).astype(np.float32)
    size, common = masks.sum(axis=1), masks @ digits.T  # (pieces, digits)
    likeness = common / (size[:, None] + digits.sum(axis=1) - common)  # intersection over union
    nearest = likeness.argmax(axis=1)
    is_digit = (likeness >= 0.85) | ((likeness == likeness.max(axis=0)) & (likeness >= 0.6))
    kinds = np.where(likeness.max(axis=1) < 0.75, NONE, -1)
    kinds[is_digit.any(axis=1)] = nearest[is_digit.any(axis=1)]
    kinds[(common / digits.sum(axis=1) > 0.9).sum(axis=1) > 1] = SEVERAL
    for kind in (*range(len(answers)), NONE, SEVERAL):
        for place in rng.permutation(np.flatnonzero(kinds == kind))[: PIECES.get(kind, 2)]:
            answer = answers[kind] if kind < NONE else kind
            yield piece_seen(drawn, cuts, *found[place]), answer


def cut_letter(rng: Rng) -> Iterator[Case]:
    """Pieces that cuts make of a letter or symbol, with what is beside them: half a B is no 3."""
    ink = glyph(rng, GLYPHS + GREEK)
    ink = ink[box_of(ink >= 0.5)]
    drawn, cuts = with_usual_strokes(ink >= 0.5), seams(ink)
    for piece in rng.permutation(pieces_between(drawn, cuts))[:3]:
        yield piece_seen(drawn, cuts, *piece), NONE


COUNTS: dict[Callable[[Rng], Floats], int] = {
    glyph: 18_000, printed: 6_000, scribble: 4_000, texture: 1_200, blot: 1_200,
}  # fmt: skip
TURNED, JOINED, GREEK_LETTERS, CUT_LETTERS = 8_000, 12_000, 6_000, 5_000
WRITTEN = 3 * TO_TRAIN  # of each digit
PIECES = {NONE: 2, SEVERAL: 1}  # taken of each drawing; of each digit 2
TIMES, DIGITS_TIMES = 4, 2  # that each character of a font is written; and, in these, each digit

PARTS = 200  # into which all are divided


def part(folder: Path, font_folder: Path, number: int) -> list[Case]:
    """A part of all cases but the untouched digits."""
    rng = np.random.default_rng([3, number])
    pictures, answers = mnist_in(folder)
    some: list[Case] = []
    for make, count in COUNTS.items():
        for _ in range(count // PARTS):
            some += made(make(rng), NONE)
    for at in rng.integers(0, len(pictures), TURNED // PARTS):
        turned = rotated(pictures[at], int(answers[at]), rng)
        if turned is not None:
            some += made(turned, NONE)
    for _ in range(JOINED // PARTS):
        of = rng.integers(0, len(pictures), 2 if rng.random() < 0.6 else 3)
        some += segments([*pictures[of]], answers[of].tolist(), rng)
    for _ in range(GREEK_LETTERS // PARTS):
        some += made(glyph(rng, GREEK), NONE)
    for _ in range(CUT_LETTERS // PARTS):
        some += cut_letter(rng)
    for font in fonts(font_folder)[number::PARTS]:
        for picture, character in written(font, TIMES * (LETTERS + DIGITS_TIMES * DIGITS), rng):
            some.append((picture, int(character) if character in DIGITS else NONE))
    return some


@cache
def mnist_in(folder: Path) -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    mnist = SOURCES["mnist"].read([folder]).train
    return mnist.inputs.reshape(-1, 28, 28), answers_of(mnist.targets)


def made(ink: Floats, answer: int) -> Iterator[Case]:
    """The case, unless nothing is drawn."""
    try:
        yield prepare(np.where(ink > 0.05, ink, 0)), answer
    except NoDigit:
        return


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the folder with MNIST")
    parser.add_argument("--fonts", required=True, type=Path, help="a folder of fonts: see fonts.py")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    with ProcessPoolExecutor() as processes:
        parts = list(processes.map(partial(part, options.data, options.fonts), range(PARTS)))
    made_x, made_y = map(np.array, zip(*chain.from_iterable(parts), strict=True))
    pictures, answers = mnist_in(options.data)
    hand, hand_y = digits(WRITTEN, seed=1)
    hand_test, hand_test_y = digits(TO_TEST, seed=2)
    test = np.arange(len(made_x)) % 20 == 0
    np.savez_compressed(
        options.file,
        x_train=np.concatenate([pictures, hand, made_x[~test]]),
        y_train=np.concatenate([answers, hand_y, made_y[~test]]).astype(np.uint8),
        x_test=np.concatenate([hand_test, made_x[test]]),
        y_test=np.concatenate([hand_test_y, made_y[test]]).astype(np.uint8),
    )


if __name__ == "__main__":
    main()
