"""The network `hand` reads digits as people draw them; the digits it has learnt from."""

import runpy
from typing import Any

import numpy as np
import pytest
from board_helpers import DRAWINGS, answer, drawn
from conftest import ROOT

from digitnet.paths import included_folder
from digitnet.registry.saves import Registry
from digitnet.repl.features.img import PictureReader


@pytest.fixture(scope="module")
def maker() -> dict[str, Any]:
    """data/make_hand.py, without its file being made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "data"))  # of fonts.py
        return runpy.run_path(str(ROOT / "data" / "make_hand.py"))


@pytest.fixture(scope="module")
def reader() -> PictureReader:
    return PictureReader(Registry(included_folder()).load("hand"))


@pytest.mark.parametrize("name", DRAWINGS)
@pytest.mark.parametrize("radius", [0.6, 1.2, 1.9])
def test_it_reads_what_is_drawn_on_the_board(
    reader: PictureReader, name: str, radius: float
) -> None:
    (outputs,) = reader.outputs([drawn(name, radius)])
    assert outputs.argmax() == answer(name)


def test_every_digit_is_written_as_often_and_the_same_each_time(maker: dict[str, Any]) -> None:
    pictures, answers = maker["digits"](3, seed=7)
    assert sorted(answers) == sorted(3 * list(range(10)))
    again, _ = maker["digits"](3, seed=7)
    others, _ = maker["digits"](3, seed=8)
    assert (pictures == again).all()
    assert (pictures != others).any(axis=(1, 2)).all()


def test_what_is_written_looks_like_mnist_and_is_what_it_should_be(
    maker: dict[str, Any], reader: PictureReader
) -> None:
    pictures, answers = maker["digits"](4, seed=9)
    assert (pictures.max(axis=(1, 2)) == 255).all()
    ink = pictures.mean(axis=(1, 2))
    assert ((ink > 5) & (ink < 90)).all()  # MNIST's: 6 to 85
    right = np.array([out.argmax() for out in reader.outputs(list(pictures))]) == answers
    assert right.mean() >= 0.95
