"""Fashion-MNIST, KMNIST and EMNIST: found by their usual names, their answers called by name."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from digits_helpers import idx
from session_helpers import do, refusal, shown

from digitnet.digits.datasets import EMNIST, MNIST_DIGESTS, RELATIVES
from digitnet.repl.session import Session


def make(folder: Path, stems: tuple[str, ...]) -> None:
    """5,020 cases to train on and 30 to test, the picture k with a bright first row k % 10."""
    folder.mkdir(parents=True)
    for stem in stems:
        count = 5020 if "train" in stem else 30
        answers = (np.arange(count) % 10).astype(np.uint8)
        pictures = np.zeros((count, 28, 28), np.uint8)
        pictures[np.arange(count), answers] = 255
        array = pictures if "images" in stem else answers
        (folder / f"{stem}.gz").write_bytes(gzip.compress(idx(array), 1))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    folders = [tmp_path / "data", ROOT / "data"]
    return Session(tmp_path / "saves", folders, tmp_path / "downloads", seed=1)


@pytest.mark.parametrize(
    ("name", "inside", "stems"),
    [
        ("fashion", "fashion", tuple(MNIST_DIGESTS)),
        ("fashion", "FashionMNIST/raw", tuple(MNIST_DIGESTS)),
        ("kmnist", "kmnist", tuple(MNIST_DIGESTS)),
        ("emnist", ".", EMNIST),
    ],
)
def test_they_are_used_where_their_files_are(
    session: Session, tmp_path: Path, name: str, inside: str, stems: tuple[str, ...]
) -> None:
    assert f"the data set {name} is not here" in refusal(session, f"data {name}")
    assert name not in do(session, "data")[0]["available"]
    make(tmp_path / "data" / inside, stems)
    (chosen,) = do(session, f"data {name}")
    assert (chosen["train"], chosen["validation"], chosen["test"]) == (20, 5000, 30)
    assert name in do(session, "data")[0]["available"]
    picture = session.data().picture_of(session.data().test, 3)
    assert (picture[:, 3] if name == "emnist" else picture[3]).min() == 255  # emnist is upright


def test_answers_are_called_by_their_names(session: Session, tmp_path: Path) -> None:
    make(tmp_path / "data" / "fashion", tuple(MNIST_DIGESTS))
    line = "data fashion; n 784-10; set rate 0.000001; t 1; c 7; show 30; cm; wrong"
    text = shown(session, line, plain=False)
    for part in ("answer 7 sneaker", "9 ankle boot  "):
        assert part in text
    assert text.count("0 T-shirt, 1 trouser, 2 pullover") == 2
    assert do(session, "i")[0]["answers"][7] == "sneaker"
    *_, told = do(session, "set cases 3; doctor")
    assert told["findings"][0]["code"] == "unseen"
    assert "3 dress, " in told["findings"][0]["evidence"]


def test_every_relative_says_where_its_files_belong(session: Session) -> None:
    for name in RELATIVES:
        assert f"its files belong in a folder named {name}" in refusal(session, f"data {name}")
