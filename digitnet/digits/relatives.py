"""Data sets in MNIST's format: Fashion-MNIST, KMNIST and EMNIST's digits, if their files exist."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from digitnet.digits.datasets import (
    MNIST_DIGESTS,
    PICTURE,
    DataSet,
    NotHere,
    Source,
    find,
    read_digits,
)
from digitnet.engine.cases import Cases
from digitnet.engine.types import Pixels

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "ankle boot")  # fmt: skip
KUZUSHIJI = (
    "お o",
    "き ki",
    "す su",
    "つ tsu",
    "な na",
    "は ha",
    "ま ma",
    "や ya",
    "れ re",
    "を wo",
)
MNIST_FILES = tuple(MNIST_DIGESTS)
"""Fashion-MNIST's and KMNIST's files have the same names."""
EMNIST = tuple(
    f"emnist-digits-{part}-{kind}-ubyte"
    for part in ("train", "test")
    for kind in ("images-idx3", "labels-idx1")
)
MAX_BYTES = 256 << 20
"""Maximum size of a decompressed file: EMNIST has 240,000 training pictures."""


def _read(
    name: str, files: Sequence[str], inside: Sequence[str], names: tuple[str, ...],
    folders: Sequence[Path],
) -> DataSet:  # fmt: skip
    """Reads a data set from the first folder, or subfolder in `inside`, that has its files."""
    places = [folder / part for folder in folders for part in inside]
    try:
        find(name, files, places)
    except NotHere:
        raise NotHere(
            name, f"its files belong in a folder named {inside[0]} in --data DIR"
        ) from None
    no_digests = (None,) * len(files)
    data = read_digits(name, files, 5000, frozenset(), no_digests, places, max_bytes=MAX_BYTES)
    return replace(data, answers=names)


def _read_upright(
    name: str, files: Sequence[str], inside: Sequence[str], folders: Sequence[Path]
) -> DataSet:
    """Reads EMNIST, whose pictures are stored in column order."""
    data = _read(name, files, inside, (), folders)
    train, validation, test = (_upright(part) for part in (data.train, data.validation, data.test))
    return replace(data, train=train, validation=validation, test=test)


def _upright(cases: Cases) -> Cases:
    """The cases with the rows and columns of their pictures swapped."""
    pictures: Pixels = cases.inputs.reshape(-1, *PICTURE).transpose(0, 2, 1).copy()
    return replace(cases, inputs=pictures.reshape(len(cases), -1))


def _source(name: str, summary: str, inside: Sequence[str], names: tuple[str, ...]) -> Source:
    """A source whose files are named like MNIST's."""
    read = partial(_read, name, MNIST_FILES, inside, names)
    return Source(name, summary, 784, 10, read, MNIST_FILES, inside)


_EMNIST_INSIDE = ("emnist", "EMNIST/raw", "gzip", "")

RELATIVES = {
    source.name: source
    for source in (
        _source("fashion", "Fashion-MNIST: ten kinds of clothes",
                ("fashion", "fashion-mnist", "FashionMNIST/raw"), FASHION),
        _source("kmnist", "KMNIST: ten old Japanese characters",
                ("kmnist", "KMNIST/raw"), KUZUSHIJI),
        Source("emnist", "EMNIST's 280,000 digits", 784, 10,
               partial(_read_upright, "emnist", EMNIST, _EMNIST_INSIDE), EMNIST, _EMNIST_INSIDE),
    )
}  # fmt: skip
