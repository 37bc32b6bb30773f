"""How many of people's pictures of digits are read right: a table, kinds of picture by preparation.

    python benches/handwriting.py --data DIR --saves DIR --network NAME [--cases 500]

The pictures are MNIST's validation digits, drawn again with other pens on other paper (see
tests/unit/handwriting_helpers.py). `untouched`: the digits as they are in MNIST. `scaled`: the
picture merely scaled to 28 by 28, light on dark.
"""

import argparse
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit"))

from handwriting_helpers import KINDS, Stroke, read_digits

from digitnet.digits.datasets import SOURCES
from digitnet.digits.files import BadFile
from digitnet.digits.prepare import NoDigit
from digitnet.engine.arrays import Cases, answers_of
from digitnet.engine.evaluate import outputs_for
from digitnet.engine.network import Network
from digitnet.registry.saves import Registry

Pictures = NDArray[np.uint8]


def prepared(data: bytes) -> Pictures:
    """As `img` does; an empty picture where it finds no digit, or several."""
    try:
        found = read_digits(data)
    except (NoDigit, BadFile):
        return np.zeros((28, 28), np.uint8)
    return found[0] if len(found) == 1 else np.zeros((28, 28), np.uint8)


def scaled(data: bytes) -> Pictures:
    """Merely scaled to 28 by 28; turned light on dark by what its edge is."""
    from PIL import Image

    with Image.open(BytesIO(data)) as image:
        grey = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        small = np.asarray(grey.convert("L").resize((28, 28), Image.Resampling.BOX))
    edge = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    return 255 - small if np.median(edge) > 127 else small


def right(network: Network, pictures: Pictures, answers: NDArray[np.intp]) -> NDArray[np.bool_]:
    cases = Cases(pictures.reshape(len(pictures), -1), np.zeros((len(pictures), 10)), 1 / 255)
    return answers_of(outputs_for(network, cases, np.arange(len(pictures)))) == answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--saves", required=True, type=Path)
    parser.add_argument("--network", required=True)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    parser.add_argument("--wrong", type=Path, help="a folder for the pictures that are misread")
    options = parser.parse_args()
    network = Registry(options.saves).load(options.network).trainer.answering()
    validation = SOURCES["mnist"].read([options.data]).validation
    rows = np.random.default_rng(0).choice(len(validation), options.cases, replace=False)
    digits = validation.inputs[rows].reshape(-1, 28, 28)
    answers = answers_of(validation.targets[rows])
    strokes = [Stroke.of(pixels) for pixels in digits]
    print(f"{'':14}{'prepared':>10}{'scaled':>10}{'ms':>8}")
    print(f"{'untouched':14}{'':10}{right(network, digits, answers).mean():10.2%}")
    total = np.zeros(2)
    for number, kind in enumerate(options.kinds):
        rng = np.random.default_rng(number)
        files = [KINDS[kind](stroke, rng) for stroke in strokes]
        start = time.thread_time()
        ours = np.array([prepared(file) for file in files])
        each = (time.thread_time() - start) / len(files)
        is_right = right(network, ours, answers)
        theirs = right(network, np.array([scaled(file) for file in files]), answers).mean()
        total += is_right.mean(), theirs
        print(f"{kind:14}{is_right.mean():10.2%}{theirs:10.2%}{1000 * each:8.1f}", flush=True)
        if options.wrong:
            options.wrong.mkdir(exist_ok=True)
            for old in options.wrong.glob(f"{kind}-*"):
                old.unlink()
            for row in np.flatnonzero(~is_right):
                (options.wrong / f"{kind}-{row}-is-{answers[row]}").write_bytes(files[row])
    print(f"{'mean':14}{total[0] / len(options.kinds):10.2%}{total[1] / len(options.kinds):10.2%}")


if __name__ == "__main__":
    main()
