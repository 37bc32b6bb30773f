"""Makes digits as people write them and MNIST hardly has them, to train the network `hand`.

    python data/make_hand.py --data DIR --fonts DIR hand.npz

A 1 with a flag or a foot, a crossed 7, a printed 4, a 5 whose bar is a stroke of its own, digits
that are not closed: each style is a few strokes with control points, and its proportions, slant,
pen and the writer's precision are drawn at random. They are drawn with the board's pen and prepared
as `img` does. hand.npz holds MNIST's first 55,000 cases, 1,000 such of each digit and the digits of
fonts that look handwritten (fonts.py) to train on, and 60 others of each digit to test. The same
file comes out of every run with the same fonts.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fonts import DIGITS, fonts, written
from numpy.typing import NDArray

from digitnet.digits.datasets import SOURCES
from digitnet.digits.drawing import SIDE, Brush, Drawing
from digitnet.digits.prepare import NoDigit, Picture, prepare
from digitnet.engine.arrays import answers_of

Points = NDArray[np.float64]
Point = tuple[float, float]
"""x to the right and y down; a digit is about 1 high."""

TO_TRAIN, TO_TEST = 1000, 60
"""Cases of each digit."""
STEPS = 7
"""Straight pieces of a curve between two of its points."""


class Writer:
    """Somebody who writes a digit: draws numbers, and lines that are not exactly as intended."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Draws how precise the writer is."""
        self.rng = rng
        self.precision = rng.uniform(0.005, 0.035)

    def any(self, low: float, high: float) -> float:
        """A number between the two."""
        return float(self.rng.uniform(low, high))

    def line(self, *points: Point) -> Points:
        """Straight lines through about these points."""
        return np.array(points) + self.rng.normal(0, self.precision, (len(points), 2))

    def curve(self, *points: Point) -> Points:
        """A smooth curve through about these points (Catmull and Rom 1974)."""
        through = self.line(*points)
        ends = 2 * through[[0, -1]] - through[[1, -2]]
        a, b, c, d = (np.vstack([ends[:1], through, ends[1:]])[i : i + len(points) - 1, None]
                      for i in range(4))  # fmt: skip
        t = np.linspace(0, 1, STEPS + 1)[:-1, None]
        curve = b + t * (c - a) / 2 + t**2 * (a - 2.5 * b + 2 * c - d / 2)
        curve = curve + t**3 * (1.5 * (b - c) + (d - a) / 2)
        return np.vstack([curve.reshape(-1, 2), through[-1:]])

    def round(
        self, x: float, y: float, wide: float, high: float, start: float, turn: float
    ) -> Points:
        """An ellipse around (x, y), or a part of one: angles in turns, with the clock from noon."""
        angles = 2 * np.pi * (start + np.linspace(0, turn, 1 + max(4, round(10 * abs(turn)))))
        points = zip(x + wide * np.sin(angles), y - high * np.cos(angles), strict=True)
        return self.curve(*points)


def joined(*parts: Points) -> Points:
    """The parts of one stroke."""
    return np.vstack(parts)


# the styles: each returns the strokes of a digit


def zero(w: Writer) -> list[Points]:
    """Closed, left open, or with its ends crossed."""
    return [w.round(0, 0.5, w.any(0.2, 0.42), 0.5, w.any(-0.15, 0.2), -w.any(0.86, 1.1))]


def slashed_zero(w: Writer) -> list[Points]:
    """With a slash, within it or beyond it."""
    wide, out = w.any(0.28, 0.42), w.any(0.55, 1.2)
    slash = w.line((wide * out, 0.5 - 0.42 * out), (-wide * out, 0.5 + 0.42 * out))
    return [w.round(0, 0.5, wide, 0.5, w.any(-0.1, 0.1), -w.any(0.95, 1.05)), slash]


def one(w: Writer) -> list[Points]:
    """A mere stroke."""
    return [w.curve((0, 0), (w.any(-0.03, 0.03), 0.5), (0, 1))]


def flagged_one(w: Writer) -> list[Points]:
    """With a flag: a line, long or short, straight or bent, that climbs to the stem's top."""
    across = w.any(0.12, 0.42)
    down = across * w.any(0.6, 1.6)
    bent = w.any(-0.04, 0.06)
    return [
        joined(w.curve((-across, down), (-across / 2, down / 2 + bent), (0, 0)), w.line((0, 1)))
    ]


def hooked_one(w: Writer) -> list[Points]:
    """With a flag that bends into the stem without a corner, like a caret."""
    across = w.any(0.15, 0.4)
    down = across * w.any(0.8, 2)
    hook = w.curve((-across, down), (-across * 0.4, down * 0.3), (0, 0), (across * 0.3, 0.2))
    return [joined(hook, w.line((across * w.any(0.3, 0.7), 1)))]


def footed_one(w: Writer) -> list[Points]:
    """With a foot, and mostly a flag."""
    stem = flagged_one(w) if w.any(0, 1) < 0.8 else one(w)
    left, right, down = w.any(0.15, 0.38), w.any(0.15, 0.38), w.any(0.97, 1.02)
    return [*stem, w.line((-left, down), (right, down))]


def two(w: Writer) -> list[Points]:
    """A bow, a neck, and a straight foot."""
    high, foot = w.any(0.2, 0.3), w.any(0.3, 0.75)
    bow = w.curve((-0.3, high), (-0.2, 0.06), (0.03, 0), (0.27, high), (0.12, 0.55), (-0.33, 1))
    return [joined(bow, w.line((foot, w.any(0.93, 1.03))))]


def looped_two(w: Writer) -> list[Points]:
    """With a loop where the foot begins, and a foot that swings."""
    loop, low = w.any(0.08, 0.16), w.any(0.85, 0.95)
    return [w.curve((-0.3, 0.22), (-0.02, 0), (0.27, 0.25), (0.05, 0.65), (-0.22, 0.97),
                    (-0.36, low), (-0.25, low - loop), (-0.02, low), (0.2, 1),
                    (0.42, low))]  # fmt: skip


def flat_two(w: Writer) -> list[Points]:
    """Angular, as a Z with a rounded top."""
    bow = w.curve((-0.3, w.any(0.02, 0.2)), (0.05, 0), (0.28, w.any(0.1, 0.25)), (0.25, 0.35))
    return [joined(bow, w.line((-0.32, 1), (w.any(0.28, 0.45), 1)))]


def three(w: Writer) -> list[Points]:
    """Two bows that meet in a point or a small loop."""
    neck, loop = w.any(-0.12, 0.05), w.any(0.42, 0.5)
    upper = w.curve((-0.28, w.any(0.08, 0.2)), (0, 0), (0.24, 0.2), (0.12, 0.4), (neck, loop))
    lower = w.curve((neck, loop), (0.2, 0.52), (0.3, 0.75), (0, 1), (-0.32, w.any(0.82, 0.92)))
    return [joined(upper, lower)]


def flat_three(w: Writer) -> list[Points]:
    """With a straight top."""
    bow = w.curve((0.02, 0.42), (0.25, 0.5), (0.3, 0.74), (0, 1), (-0.32, w.any(0.82, 0.95)))
    return [joined(w.line((-0.28, w.any(0, 0.05)), (w.any(0.2, 0.3), 0), (-0.04, 0.42)), bow)]


def open_four(w: Writer) -> list[Points]:
    """Open at its top: an L, and a stem."""
    bar, stem = w.any(0.5, 0.68), w.any(0.08, 0.22)
    corner = w.line((w.any(-0.32, -0.15), w.any(0, 0.1)), (-0.34, bar), (w.any(0.3, 0.6), bar))
    return [corner, w.line((stem, w.any(0, 0.3)), (stem + w.any(-0.08, 0.03), 1))]


def printed_four(w: Writer) -> list[Points]:
    """Closed: a slope, a bar, and a stem from its top."""
    bar, stem = w.any(0.6, 0.78), w.any(0.05, 0.2)
    slope = w.line((stem, 0), (w.any(-0.42, -0.3), bar), (stem + w.any(0.05, 0.28), bar))
    return [slope, w.line((stem, w.any(-0.02, 0.03)), (stem, 1))]


def round_four(w: Writer) -> list[Points]:
    """In one stroke, its corner round."""
    bar, stem = w.any(0.48, 0.62), w.any(0.15, 0.25)
    bow = w.curve((-0.3, 0), (-0.34, 0.35), (-0.2, bar), (0, bar), (stem, bar - 0.12))
    return [joined(bow, w.line((stem, w.any(0, 0.2)), (stem - w.any(0, 0.05), 1)))]


def curved_four(w: Writer) -> list[Points]:
    """Open at its top: a bow that ends in the bar, and a short stem that bends to the left."""
    bar, stem, low = w.any(0.5, 0.68), w.any(0.02, 0.2), w.any(0, 0.4)
    bow = w.curve((w.any(-0.15, 0.1), 0), (-0.25, bar * 0.5), (w.any(-0.36, -0.28), bar - 0.06),
                  (-0.22, bar), (w.any(0.25, 0.45), bar - w.any(0, 0.14)))  # fmt: skip
    return [bow, w.curve((stem + 0.03, low), (stem, 0.7), (stem - w.any(0, 0.25), 1))]


def five(w: Writer) -> list[Points]:
    """In one stroke, from the end of its bar."""
    left, high = w.any(-0.28, -0.18), w.any(0.38, 0.5)
    return [joined(w.line((w.any(0.15, 0.55), w.any(-0.05, 0.2)), (left, w.any(0, 0.04)),
                          (left - 0.03, high)),
                   _belly(w, high))]  # fmt: skip


def five_with_a_bar(w: Writer) -> list[Points]:
    """In two strokes; the bar may touch the stem, cross it, or stand apart."""
    left, high = w.any(-0.28, -0.15), w.any(0.38, 0.5)
    body = joined(w.line((left, w.any(0, 0.1)), (left - w.any(0, 0.06), high)), _belly(w, high))
    start, up = left + w.any(-0.08, 0.14), w.any(-0.1, 0.06)
    return [body, w.line((start, up), (start + w.any(0.3, 0.6), up + w.any(-0.08, 0.05)))]


def _belly(w: Writer, high: float) -> Points:
    return w.curve((-0.2, high), (0.05, high - w.any(0.02, 0.1)), (0.3, 0.68),
                   (w.any(0.05, 0.2), 0.95), (-0.1, 1), (-0.32, w.any(0.82, 0.95)))  # fmt: skip


def six(w: Writer) -> list[Points]:
    """A bowed back and a ring, closed or not."""
    ring, wide = w.any(0.2, 0.3), w.any(0.22, 0.34)
    back = w.curve((w.any(0, 0.3), 0), (-wide * 0.7, 0.3))
    return [joined(back, w.round(0, 1 - ring, wide, ring, -0.25, -w.any(0.78, 1.1)))]


def straight_six(w: Writer) -> list[Points]:
    """With a straight back."""
    ring, wide = w.any(0.2, 0.28), w.any(0.2, 0.3)
    back = w.line((w.any(-0.1, 0.25), 0), (-wide, 0.75))
    return [joined(back, w.round(0, 1 - ring, wide, ring, -0.3, -w.any(0.8, 1.05)))]


def large_ringed_six(w: Writer) -> list[Points]:
    """Nearly all ring, or with a ring that ends in a bar across the back."""
    ring, wide = w.any(0.24, 0.37), w.any(0.25, 0.38)
    back = w.curve((w.any(-0.05, 0.25), 0), (-wide * 0.8, 1 - 1.5 * ring))
    round_ring = w.round(0, 1 - ring, wide, ring, -0.25, -w.any(0.6, 0.8))
    bar = w.line((-wide - w.any(-0.05, 0.2), 1 - ring * w.any(0.9, 1.3)))
    return [joined(back, round_ring, bar)]


def angular_six(w: Writer) -> list[Points]:
    """A straight back and a ring with corners."""
    wide, high, foot = w.any(0.2, 0.32), w.any(0.4, 0.62), w.any(-0.05, 0.05)
    back = w.line((w.any(-0.15, 0.3), 0), (-wide, high), (-wide + foot, 1))
    end = w.any(-wide, -wide * 0.3)
    return [joined(back, w.line((wide, 1 - w.any(0, 0.05)), (wide + foot, high), (end, high)))]


def seven(w: Writer) -> list[Points]:
    """A bar and a slope, straight or bent."""
    bar, foot, bent = w.any(-0.05, 0.1), w.any(-0.25, 0.08), w.any(-0.06, 0.08)
    top = w.line((w.any(-0.42, -0.25), bar), (0.3, 0))
    return [joined(top, w.curve((0.3, 0), (0.15 + foot / 2 - bent, 0.5), (foot, 1)))]


def crossed_seven(w: Writer) -> list[Points]:
    """With a line through its slope."""
    left, right, up = w.any(0.12, 0.3), w.any(0.12, 0.3), w.any(-0.08, 0.04)
    middle, down = w.any(0.08, 0.16), w.any(0.4, 0.58)
    return [*seven(w), w.line((middle - left, down - up / 2), (middle + right, down + up / 2))]


def seven_with_a_serif(w: Writer) -> list[Points]:
    """With a short line down where its bar begins; some are crossed too."""
    body, *line = crossed_seven(w) if w.any(0, 1) < 0.4 else seven(w)
    x, y = body[0]
    return [joined(w.line((x + w.any(-0.05, 0.03), y + w.any(0.1, 0.25))), body), *line]


def hooked_seven(w: Writer) -> list[Points]:
    """With a short top that hangs down where it begins, as printed in schoolbooks."""
    left, hook, foot = w.any(-0.3, -0.12), w.any(0.06, 0.22), w.any(-0.2, 0.05)
    right = w.any(0.15, 0.28)
    top = w.line((left, hook), (left + w.any(0, 0.05), 0), (right, w.any(-0.02, 0.05)))
    return [joined(top, w.curve((right, 0.03), (foot * 0.3 + 0.05, 0.5), (foot, 1)))]


def eight(w: Writer) -> list[Points]:
    """In one stroke that crosses itself, closed or not."""
    over, under, end = w.any(0.16, 0.28), w.any(0.22, 0.34), w.any(-0.1, 0.1)
    return [w.curve((over * 0.8, 0.1), (0, 0), (-over, 0.2), (0, 0.46), (under, 0.75), (0, 1),
                    (-under, 0.76), (0, 0.48), (over, 0.22),
                    (over * 0.7 + end, 0.08 + end / 2))]  # fmt: skip


def ringed_eight(w: Writer) -> list[Points]:
    """Two rings, one on the other."""
    high, over, under = w.any(0.21, 0.27), w.any(0.16, 0.28), w.any(0.2, 0.34)
    low = 0.5 - high + w.any(-0.02, 0.03)
    upper = w.round(0, high, over, high, w.any(-0.2, 0.6), -w.any(0.92, 1.08))
    return [upper, w.round(0, 1 - low, under, low, w.any(-0.1, 0.1), -w.any(0.92, 1.08))]


def nine(w: Writer) -> list[Points]:
    """A ring, closed or not, and a leg that bends."""
    ring, wide, low = _ring_of_nine(w)
    leg = w.curve((wide, low), (wide * w.any(0.7, 1), 0.7), (w.any(-0.25, 0.1), 1))
    hook = w.line((-0.3, w.any(0.85, 0.97)))
    return [joined(ring, leg, hook) if w.any(0, 1) < 0.4 else joined(ring, leg)]


def straight_nine(w: Writer) -> list[Points]:
    """A ring, closed or not, and a straight leg."""
    ring, wide, low = _ring_of_nine(w)
    return [joined(ring, w.line((wide, low), (wide + w.any(-0.2, 0.02), 1)))]


def hooked_nine(w: Writer) -> list[Points]:
    """A ring, often small, and a leg that swings to the left, as a g."""
    ring, wide, low = _ring_of_nine(w, w.any(0.1, 0.28))
    out, end = w.any(-0.1, 0.1), w.any(-0.5, -0.2)
    return [joined(ring, w.curve((wide, low), (wide + out, 0.8), (wide / 3, 1), (end, 0.93)))]


def _ring_of_nine(w: Writer, high: float = 0) -> tuple[Points, float, float]:
    wide = w.any(0.2, 0.32)
    high = high or w.any(0.2, 0.29)
    return w.round(0, high, wide, high, w.any(0.1, 0.2), -w.any(0.86, 1)), wide, high * 0.8


STYLES: tuple[tuple[Callable[[Writer], list[Points]], ...], ...] = (
    (zero, slashed_zero),
    (one, flagged_one, flagged_one, hooked_one, footed_one),
    (two, looped_two, flat_two),
    (three, flat_three),
    (open_four, printed_four, round_four, curved_four),
    (five, five_with_a_bar),
    (six, straight_six, large_ringed_six, angular_six),
    (seven, crossed_seven, seven_with_a_serif, hooked_seven),
    (eight, ringed_eight),
    (nine, straight_nine, hooked_nine),
)
"""Of each digit; one that stands twice is drawn twice as often."""


def drawn(style: Callable[[Writer], list[Points]], rng: np.random.Generator) -> Picture:
    """One digit as a network sees it: written, drawn with a pen, prepared."""
    writer = Writer(rng)
    strokes = style(writer)
    angle, slant = np.deg2rad(rng.uniform(-10, 10)), rng.normal(0.05, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = np.array([[rng.uniform(0.65, 1.4), -slant], [0, 1]])
    high = rng.uniform(12, 21)
    radius = high / 20 * np.exp(rng.uniform(np.log(0.4), np.log(2.2)))
    pen, drawing = Brush(radius, edge=min(1.0, 2 * radius)), Drawing()
    for stroke in strokes:
        places = (stroke - (0, 0.5)) @ (turn @ lean).T * high + SIDE / 2
        drawing.press((places[0, 0], places[0, 1]), pen)
        for x, y in places[1:]:
            drawing.move((x, y))
        drawing.lift()
    try:
        return prepare(drawing.picture())
    except NoDigit:  # a hairline that fell between the grid's points
        return drawn(style, rng)


def digits(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """So many of each digit, and their answers; the styles of a digit take turns."""
    rng = np.random.default_rng(seed)
    answers = np.tile(np.arange(10, dtype=np.uint8), count)
    pictures = [drawn(STYLES[digit][number // 10 % len(STYLES[digit])], rng)
                for number, digit in enumerate(answers)]  # fmt: skip
    return np.stack(pictures), answers


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path, help="the folder with MNIST")
    parser.add_argument("--fonts", required=True, type=Path, help="a folder of fonts: see fonts.py")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    mnist = SOURCES["mnist"].read([options.data]).train
    pictures, answers = digits(TO_TRAIN, seed=1)
    x_test, y_test = digits(TO_TEST, seed=2)
    rng = np.random.default_rng(5)
    cases = [each for font in fonts(options.fonts) for each in written(font, 2 * DIGITS, rng)]
    in_fonts, characters = zip(*cases, strict=True)
    np.savez_compressed(
        options.file,
        x_train=np.concatenate([mnist.inputs.reshape(-1, 28, 28), pictures, in_fonts]),
        y_train=np.concatenate(
            [answers_of(mnist.targets), answers, [*map(int, characters)]]
        ).astype(np.uint8),
        x_test=x_test,
        y_test=y_test,
    )


if __name__ == "__main__":
    main()
