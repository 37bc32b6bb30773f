"""How many drawings are read right by networks: a table, kinds of drawing by network.

    python benches/drawings.py --data DIR --saves DIR champion hand

`mnist`: MNIST's validation set. `written`: digits from data/make_hand.py that no network has seen.
`board`: the drawings of tests/unit/board_helpers.py, each in several ways; of them, `flagged` and
`crossed` are the 1 with a flag or a foot and the 7 with a line through it. `fonts`: digits of the
fonts in --fonts, upright. With --handwriting, a folder of fonts for data/fonts.py: `hands`, the
digits of those that no network has seen, and how many of their letters `judge` refuses.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))
sys.path.insert(0, str(Path(__file__).parents[1] / "data"))

from board_helpers import DRAWINGS, VARIANTS, answer, drawn
from fonts import DIGITS, LETTERS, fonts, written
from make_hand import digits

from digitnet.digits.cuts import probability_of_digit
from digitnet.digits.datasets import SOURCES
from digitnet.digits.page import NO_DIGIT, UNSURE
from digitnet.digits.prepare import prepare
from digitnet.engine.arrays import Array, Cases, answers_of
from digitnet.engine.evaluate import outputs_for
from digitnet.engine.network import Network
from digitnet.registry.saves import Registry

Pictures = NDArray[np.uint8]


def outputs(network: Network, pictures: Pictures) -> Array:
    cases = Cases(pictures.reshape(len(pictures), -1), np.zeros((len(pictures), 10)), 1 / 255)
    return outputs_for(network, cases, np.arange(len(pictures)))


def printed(folder: Path) -> tuple[Pictures, list[int]]:
    """The digits of each font, of pillow's own too."""
    from PIL import Image, ImageDraw, ImageFont

    fonts = [ImageFont.truetype(path, 100) for path in sorted(folder.rglob("*.ttf"))]
    pictures = []
    for font in [ImageFont.load_default(100), *fonts]:
        for digit in range(10):
            image = Image.new("L", (200, 200))
            ImageDraw.Draw(image).text((60, 30), str(digit), 255, font=font)
            pictures.append(prepare(np.asarray(image)))
    return np.stack(pictures), list(range(10)) * (len(fonts) + 1)


def in_handwriting(folder: Path, characters: str) -> tuple[Pictures, list[str]]:
    """Characters of the fonts that are left out when networks are trained, and which they are."""
    rng = np.random.default_rng(1)
    cases = [
        case for font in fonts(folder, held_out=True) for case in written(font, characters, rng)
    ]
    pictures, names = zip(*cases, strict=True)
    return np.stack(pictures), list(names)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--saves", required=True, type=Path)
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"))
    parser.add_argument("--handwriting", type=Path)
    parser.add_argument("--wrong", action="store_true", help="name the drawings that are misread")
    parser.add_argument("networks", nargs="+")
    options = parser.parse_args()
    validation = SOURCES["mnist"].read([options.data]).validation
    names = [name for name in DRAWINGS for _ in VARIANTS]
    board = np.stack([drawn(name, **how) for name in DRAWINGS for how in VARIANTS])
    known = [answer(name) for name in names]
    kinds = {
        "mnist": (validation.inputs.reshape(-1, 28, 28), answers_of(validation.targets)),
        "written": digits(60, seed=3),
        "board": (board, known),
        "fonts": printed(options.fonts),
    }
    for kind, digit, words in (("flagged", "1", ("flag", "foot")), ("crossed", "7", ("crossed",))):
        rows = [n for n, name in enumerate(names) if name[0] == digit
                and any(word in name for word in words)]  # fmt: skip
        kinds[kind] = board[rows], [int(digit)] * len(rows)
    if options.handwriting:
        pictures, names = in_handwriting(options.handwriting, 4 * DIGITS)
        kinds["hands"] = pictures, [int(name) for name in names]
    print(f"{'':12}{'cases':>8}" + "".join(f"{name:>12}" for name in options.networks))
    registry = Registry(options.saves)
    networks = [registry.load(name).trainer.answering() for name in options.networks]
    for kind, (pictures, answers) in kinds.items():
        right = [answers_of(outputs(network, pictures)) == answers for network in networks]
        print(f"{kind:12}{len(answers):8,}" + "".join(f"{r.mean():12.2%}" for r in right))
        if kind == "board" and options.wrong:
            for network, which in zip(options.networks, right, strict=True):
                print("  ", network, [names[n] for n in np.flatnonzero(~which)])
    if options.handwriting:
        judge = registry.load("judge").trainer.answering()
        for what, characters in (("digits", 4 * DIGITS), ("letters", LETTERS)):
            pictures, _ = in_handwriting(options.handwriting, characters)
            p = probability_of_digit(outputs(judge, pictures))
            below = ", ".join(
                f"{(p < limit).mean():.2%} below {limit}" for limit in (NO_DIGIT, UNSURE)
            )
            print(f"judge: {len(p):,} {what} in handwriting are digits with a probability: {below}")


if __name__ == "__main__":
    main()
