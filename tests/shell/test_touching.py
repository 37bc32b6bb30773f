"""Touching digits are separated, and single ones are not cut."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from handwriting_helpers import Stroke, as_file
from session_helpers import do

from digitnet.digits.datasets import SOURCES
from digitnet.digits.image import Picture
from digitnet.digits.pieces import one_by_one
from digitnet.digits.touching import separated
from digitnet.engine.cases import answers_of
from digitnet.engine.types import Array
from digitnet.paths import included_folder
from digitnet.registry.registry import Registry
from digitnet.repl.asking import PictureReader
from digitnet.repl.session import Session

VALIDATION = SOURCES["sample"].read([ROOT / "data"]).validation
ANSWERS = answers_of(VALIDATION.targets).tolist()


@pytest.fixture(scope="module")
def reader() -> PictureReader:
    return PictureReader(Registry(included_folder()).load("hand"))


def stroke(digit: int, number: int = 0) -> Stroke:
    row = [row for row, answer in enumerate(ANSWERS) if answer == digit][number]
    return Stroke.of(VALIDATION.inputs[row].reshape(28, 28))


def joined(digits: Sequence[int], overlap: int) -> Array:
    """Digits 100 pixels high, pushed together until they overlap by so many."""
    whole = np.zeros((100, 0), np.float32)
    for digit in digits:
        ink = stroke(digit).drawn(100, 8)[:100]
        ink = np.pad(ink, ((0, 100 - len(ink)), (0, 0)))
        if not whole.size:
            whole = ink
            continue
        room = whole[:, ::-1].argmax(axis=1) + ink.argmax(axis=1)  # of full ink in each row
        meets = (whole.max(axis=1) == 1) & (ink.max(axis=1) == 1)
        start = whole.shape[1] - int(room[meets].min()) - overlap
        wider = np.zeros((100, start + ink.shape[1]), np.float32)
        wider[:, : whole.shape[1]] = whole
        wider[:, start:] = np.maximum(wider[:, start:], ink)
        whole = wider
    return np.pad(whole, 12)


def test_digits_that_touch_are_read_one_by_one(session: Session, tmp_path: Path) -> None:
    session.hand = Registry(included_folder()).load("hand")
    for name, digits in (("a", (2, 8)), ("b", (8, 9)), ("c", (5, 2))):
        drawing = joined(digits, 3)
        assert len(one_by_one(drawing)) == 1
        (tmp_path / f"{name}.png").write_bytes(as_file(255 - 255 * drawing))
    (result,) = do(session, f"img {tmp_path}")
    assert [each["guess"] for each in result["results"]] == [2, 8, 8, 9, 5, 2]


def test_single_digits_are_not_cut_however_wide(reader: PictureReader) -> None:
    for digit in range(10):
        for number in range(4):
            ink = stroke(digit, number).drawn(100, 8)
            wide = np.pad(np.repeat(ink, 3, axis=1)[:, ::2], 4)
            for drawing in (ink, wide):
                assert len(separated(drawing, reader.outputs_for)) == 1, (digit, number)


def test_a_folder_that_says_which_digit_it_is_has_one_to_a_picture(
    session: Session, tmp_path: Path
) -> None:
    session.hand = Registry(included_folder()).load("hand")
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "a.png").write_bytes(as_file(255 - 255 * joined((2, 8), 3)))
    assert do(session, f"img {tmp_path}")[0]["total"] == 1


@pytest.mark.parametrize(
    ("whole", "piece", "count"), [(0.5, 0.97, 2), (0.5, 0.6, 1), (0.94, 0.97, 1)]
)
def test_a_cut_needs_pieces_that_are_read_better(whole: float, piece: float, count: int) -> None:
    """Outputs for the whole drawing and for its pieces → the number of digits found."""
    calls = [whole]

    def outputs(pictures: Sequence[Picture]) -> Array:
        return np.full((len(pictures), 10), calls.pop() if calls else piece, np.float32)

    drawing = joined((2, 8), 3)
    assert len(separated(drawing, outputs)) == count
