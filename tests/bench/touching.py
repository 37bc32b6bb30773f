"""How many numbers whose digits touch are read right: a table, by how far they overlap.

    python tests/bench/touching.py --data DIR --saves DIR --network NAME [--numbers 40]

MNIST's validation digits are drawn again 100 pixels high with pens of 5 to 14 pixels, and pushed
together until neighbours overlap by so many twentieths of that; numbers in several pieces are left
out. Not cut, none of them is read right. The last line is about single digits as wide as such a
number: how many are read right before, and how many are cut.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

from handwriting_helpers import Stroke

from digitnet.digits.datasets import SOURCES
from digitnet.digits.image import Picture, prepare
from digitnet.digits.pieces import one_by_one
from digitnet.digits.touching import is_wide, separated
from digitnet.engine.types import Array
from digitnet.registry.registry import Registry
from digitnet.repl.asking import PictureReader

HEIGHT = 100
Rng = np.random.Generator


def number(strokes: Sequence[Stroke], overlap: int, rng: Rng) -> Array:
    """The digits in a row, each pushed to the left until it overlaps with those before it."""
    pen = HEIGHT * rng.uniform(0.05, 0.14)
    inks = [stroke.drawn(HEIGHT * rng.uniform(0.85, 1.15), pen) for stroke in strokes]
    whole = np.zeros((round(1.4 * HEIGHT), sum(ink.shape[1] for ink in inks) + HEIGHT), np.float32)
    for count, ink in enumerate(inks):
        top = int(rng.integers(0, len(whole) - len(ink) + 1))
        part = whole[top : top + len(ink)]
        start = 0
        if count:
            is_ink, meets = ink >= 0.5, (part >= 0.5).any(axis=1) & (ink >= 0.5).any(axis=1)
            last = part.shape[1] - (part >= 0.5)[:, ::-1].argmax(axis=1)
            free = (last - is_ink.argmax(axis=1))[meets]
            start = max(0, int(free.max(initial=0)) - round(overlap * HEIGHT / 20))
        place = part[:, start : start + ink.shape[1]]
        np.maximum(place, ink, out=place)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--saves", required=True, type=Path)
    parser.add_argument("--network", required=True)
    parser.add_argument("--numbers", type=int, default=40)
    options = parser.parse_args()
    reader = PictureReader(Registry(options.saves).load(options.network))
    validation = SOURCES["mnist"].read([options.data]).validation
    digits = validation.inputs.reshape(-1, 28, 28)
    answers = validation.targets.argmax(axis=1)

    def read(pictures: Sequence[Picture]) -> list[int]:
        guesses: list[int] = reader.outputs_for(pictures).argmax(axis=1).tolist()
        return guesses

    rng = np.random.default_rng(0)
    print(f"{'digits':>8}{'overlap':>9}{'numbers':>9}{'right':>8}")
    for length in (2, 3):
        for overlap in range(5):
            right: list[bool] = []
            while len(right) < options.numbers:
                rows = rng.choice(len(digits), length, replace=False)
                drawing = number([Stroke.of(digits[row]) for row in rows], overlap, rng)
                found = one_by_one(drawing)
                if len(found) == 1:
                    right.append(
                        read(separated(found[0], reader.outputs_for)) == answers[rows].tolist()
                    )
            print(f"{length:8}{overlap:9}{len(right):9}{np.mean(right):8.0%}", flush=True)
    wide = [row for row, picture in enumerate(digits) if is_wide(picture / 255)]
    before = cut = lost = 0
    for row in wide:
        drawing = Stroke.of(digits[row]).drawn(HEIGHT, HEIGHT * rng.uniform(0.03, 0.18))
        pictures = separated(drawing, reader.outputs_for)
        is_right = read([prepare(drawing)]) == [answers[row]]
        before, cut = before + is_right, cut + (len(pictures) > 1)
        lost += is_right and len(pictures) > 1
    print(f"{len(wide)} wide single digits: {before} right; {cut} are cut, {lost} of those right")


if __name__ == "__main__":
    main()
