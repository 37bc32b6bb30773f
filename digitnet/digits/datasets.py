"""The data sets: MNIST, the sample of it that is included, and the diaries' small tables."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from digitnet.digits.idx import BadData, read_idx
from digitnet.engine.arrays import Cases, Integers, Pixels, answers_of, one_hot

MNIST_DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""SHA-256 of each of MNIST's files, uncompressed."""

PICTURE = (28, 28)
"""Rows and columns of a picture. Others are refused: a file of tiny pictures could have so many
that their targets exhaust memory."""


class NotHere(Exception):
    """A known data set is not on this machine."""

    def __init__(
        self, name: str, hint: str = "data mnist fetches MNIST, --data DIR says where it is"
    ) -> None:
        """name: of the data set. hint: how to get it."""
        super().__init__(f"the data set {name} is not here: {hint}")


@dataclass(frozen=True)
class DataSet:
    """Three sets of cases: training, validation and test.

    picture: rows and columns of a case that is a picture; None for a table.
    tests_are_in, validations_are_in: the data sets whose *training* cases include these test (or
    validation) cases: after training on one of them, they are cases seen in training.
    answers: the name of each answer, if answers are not digits.
    """

    name: str
    train: Cases
    validation: Cases
    test: Cases
    picture: tuple[int, int] | None
    tests_are_in: frozenset[str]
    validations_are_in: frozenset[str]
    answers: tuple[str, ...] = ()

    @property
    def inputs(self) -> int:
        """The number of inputs of a case: its pixels, or the columns of the table."""
        return int(self.train.inputs.shape[1])

    @property
    def outputs(self) -> int:
        """The number of targets of a case."""
        return int(self.train.targets.shape[1])

    def as_seen(self, cases: int, pixels: str, seed: int = 0) -> "DataSet":
        """The data set as the settings `cases` (0: all) and `pixels` (`unit` or `raw`) have it.

        seed: draws the training cases, of each answer in proportion.
        """
        scale = 1.0 if pixels == "raw" else self.train.scale
        train, validation, test = (
            replace(part, scale=scale) for part in (self.train, self.validation, self.test)
        )
        if 0 < cases < len(train):
            rows = _even_sample(answers_of(train.targets), cases, seed)
            train = replace(train, inputs=train.inputs[rows], targets=train.targets[rows])
        return replace(self, train=train, validation=validation, test=test)

    def picture_of(self, cases: Cases, index: int) -> Pixels:
        """The unscaled inputs of a case: pixels, (rows, columns), or a row of the table."""
        row: Pixels = cases.inputs[index]
        return row if self.picture is None else row.reshape(self.picture)

    def __str__(self) -> str:
        """A description in one line."""
        if self.picture is None:
            return f"{self.name}: a table of {len(self.train)} cases, {self.inputs} numbers each"
        rows, columns = self.picture
        return (
            f"{self.name}: {len(self.train):,} cases to train, {len(self.validation):,} to "
            f"validate, {len(self.test):,} to test; {rows} x {columns} pixels each"
        )


def _even_sample(answers: Integers, count: int, seed: int) -> Integers:
    """The indices, in order, of so many random cases: of each answer in proportion."""
    order = np.random.default_rng([seed, 4]).permutation(len(answers))
    place = np.empty(len(answers))  # of a case among those with its answer, from 0 to 1
    for answer in np.unique(answers):
        its = order[answers[order] == answer]
        place[its] = (np.arange(len(its)) + 0.5) / len(its)
    rows: Integers = np.sort(order[np.argsort(place[order], kind="stable")[:count]])
    return rows


@dataclass(frozen=True)
class Source:
    """A known data set: its description, and how to read it from a list of folders.

    files: the names of its files; none where no folder is searched. inside: the subfolders, of each
    folder given, that may contain them. exists: whether there is such a data set.
    """

    name: str
    summary: str
    inputs: int
    outputs: int
    read: Callable[[Sequence[Path]], DataSet]
    files: Sequence[str] = ()
    inside: Sequence[str] = ("",)
    exists: bool = True

    def is_here(self, folders: Sequence[Path]) -> bool:
        """Whether all its files exist in one of the folders, valid or not."""
        try:
            places = [folder / part for folder in folders for part in self.inside]
            return self.exists and (not self.files or bool(find(self.name, self.files, places)))
        except (BadData, NotHere):
            return False


def read_digits(
    name: str,
    stems: Sequence[str],
    validation: int,
    within: frozenset[str],
    digests: Sequence[str | None],
    folders: Sequence[Path],
    max_bytes: int | None = None,
) -> DataSet:
    """Reads four IDX files: training images and labels, test images and labels.

    validation: the number of training cases, the last ones, that become the validation set.
    within: the data sets whose training cases include all of these. max_bytes: of each file.
    """
    paths = find(name, stems, folders)
    images, labels, test_images, test_labels = (
        read_idx(path, 3 if "idx3" in stem else 1, digest, max_bytes=max_bytes)
        for stem, path, digest in zip(stems, paths, digests, strict=True)
    )
    for pictures, path in ((images, paths[0]), (test_images, paths[2])):
        if pictures.shape[1:] != PICTURE:
            rows, columns = pictures.shape[1:]
            raise BadData(f"has pictures of {rows} x {columns} pixels, not of 28 x 28", path)
    if len(images) <= validation:
        raise BadData(f"has {len(images):,} cases, too few to train on", paths[0])
    for pictures, answers, path in (
        (images, labels, paths[1]),
        (test_images, test_labels, paths[3]),
    ):
        if len(pictures) != len(answers):
            raise BadData(f"{len(answers):,} labels for {len(pictures):,} pictures", path)
        if answers.max() > 9:
            raise BadData(f"has the label {answers.max()}; digits are 0 to 9", path)
    flat, targets = images.reshape(len(images), -1), one_hot(labels, 10)
    return DataSet(
        name,
        train=Cases(flat[:-validation], targets[:-validation], 1 / 255),
        validation=Cases(flat[-validation:], targets[-validation:], 1 / 255),
        test=Cases(test_images.reshape(len(test_images), -1), one_hot(test_labels, 10), 1 / 255),
        picture=PICTURE,
        tests_are_in=within,
        validations_are_in=within,
    )


def _read_smaller(
    name: str, of: Callable[[Sequence[Path]], DataSet], folders: Sequence[Path]
) -> DataSet:
    """A data set reduced to 11 by 11 pixels: every second row and column, without the edges."""
    large = of(folders)
    picture = large.picture or PICTURE
    rows, columns = (len(range(n)[::2][1:-2]) for n in picture)
    return replace(
        large,
        name=name,
        train=_smaller(large.train, picture),
        validation=_smaller(large.validation, picture),
        test=_smaller(large.test, picture),
        picture=(rows, columns),
        tests_are_in=frozenset(f"{data}11" for data in large.tests_are_in),
        validations_are_in=frozenset(f"{data}11" for data in large.validations_are_in),
    )


def _smaller(cases: Cases, picture: tuple[int, int]) -> Cases:
    """Every second row and column of each picture, without the edges."""
    images: Pixels = cases.inputs.reshape(-1, *picture)
    small: Pixels = images[:, ::2, ::2][:, 1:-2, 1:-2].copy()
    return replace(cases, inputs=small.reshape(len(cases), -1))


def _read_table(name: str, rows: str, folders: Sequence[Path]) -> DataSet:
    """A table written as `inputs>outputs` in digits; the three parts all have all its cases."""
    sides = [row.split(">") for row in rows.split()]
    inputs, targets = (np.array([[float(c) for c in side[k]] for side in sides]) for k in range(2))
    cases = Cases(inputs, targets)
    return DataSet(name, cases, cases, cases, None, frozenset({name}), frozenset({name}))


def find(name: str, stems: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """Finds the files called `stems` (gzipped or not) in the first folder that has all of them.

    Raises BadData if no folder has all but one has some, NotHere if none has any.
    """
    incomplete = None
    for folder in folders:
        # unlike Path.is_file, os.path.isfile never raises
        found = [
            next((p for p in (folder / f"{s}.gz", folder / s) if os.path.isfile(p)), None)  # noqa: PTH113
            for s in stems
        ]
        paths = [path for path in found if path is not None]
        if len(paths) == len(stems):
            return paths
        if paths and incomplete is None:
            missing = ", ".join(s for s, p in zip(stems, found, strict=True) if p is None)
            incomplete = BadData(f"has some files of {name}, but not {missing}", folder)
    raise incomplete or NotHere(name)


_SAMPLE = tuple(
    f"sample-{part}-{kind}-ubyte"
    for part in ("train", "test")
    for kind in ("images-idx3", "labels-idx1")
)

# every case of the sample is in MNIST's training set
_read_sample = partial(read_digits, "sample", _SAMPLE, 500, frozenset({"mnist"}), (None,) * 4)

_read_mnist = partial(
    read_digits, "mnist", tuple(MNIST_DIGESTS), 5000, frozenset(), tuple(MNIST_DIGESTS.values())
)

SOURCES = {
    source.name: source
    for source in (
        Source("sample", "5,000 of MNIST's digits, included", 784, 10, _read_sample, _SAMPLE),
        Source(
            "mnist",
            "all 70,000 of MNIST's digits",
            784,
            10,
            _read_mnist,
            tuple(MNIST_DIGESTS),
        ),
        Source(
            "sample11",
            "the sample at 11 by 11 pixels",
            121,
            10,
            partial(_read_smaller, "sample11", _read_sample),
            _SAMPLE,
        ),
        Source(
            "mnist11",
            "MNIST at 11 by 11 pixels",
            121,
            10,
            partial(_read_smaller, "mnist11", _read_mnist),
            tuple(MNIST_DIGESTS),
        ),
        Source(
            "truth",
            "a truth table of four cases: the answer is the first input",
            3,
            1,
            partial(_read_table, "truth", "001>0 011>0 101>1 111>1"),
        ),
        Source(
            "mini",
            "three switches: are most of them on? (no, yes)",
            3,
            2,
            partial(_read_table, "mini", "000>10 001>10 010>10 011>01 100>10 101>01 110>01 111>01"),
        ),
        Source(
            "mini3",
            "three switches, one of them on: which?",
            3,
            3,
            partial(_read_table, "mini3", "100>100 010>010 001>001"),
        ),
    )
}

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
