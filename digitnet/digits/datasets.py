"""The data sets: MNIST, the sample of it that is included, and the diaries' small tables."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.files import MAX_IDX, BadFile, Bytes, locate_idx, read_idx
from digitnet.engine.arrays import Array, Cases, Integers, Pixels, answers_of, one_hot
from digitnet.engine.report import Refused, Unfit

# SHA-256 of each of MNIST's files, uncompressed
MNIST_DIGESTS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# rows and columns of a picture. Others are refused: a file of tiny pictures could have so many that
# their targets exhaust memory
PICTURE = (28, 28)

FOR_PICTURES = {"augment": "none", "pixels": "unit"}  # settings, with the values for a table


class NotHere(Refused):
    """A known data set is not on this machine; hint: how to get it."""

    HINT = "data mnist fetches MNIST, --data DIR says where it is"

    def __init__(self, name: str, hint: str = HINT) -> None:
        super().__init__(f"the data set {name} is not here: {hint}")


GIVEN = "Python"
"""Stands for cases that a program gave, where the data sets are named that were trained on."""


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
        """The inputs of a case: its pixels, or the columns of the table."""
        return int(self.train.inputs.shape[1])

    @property
    def outputs(self) -> int:
        return int(self.train.targets.shape[1])

    @cached_property
    def digest(self) -> str:
        return self.digest_of("train", "validation", "test")

    def digest_of(self, *names: str) -> str:
        made = sha256()
        for part in (getattr(self, name) for name in names):
            made.update(part.inputs.ravel())  # no copy
            made.update(part.targets.astype(np.uint8).ravel())
        return made.hexdigest()

    @cached_property
    def hashes(self) -> dict[str, frozenset[bytes]]:
        """part → the hashes of its cases, by which they are found in other data sets."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: frozenset(hashes_of(part.inputs)) for name, part in parts.items()}

    def changed(self, change: Callable[[Cases], Cases], **others: Any) -> "DataSet":
        """A copy with all three sets changed, and the other fields that are given."""
        train, validation, test = map(change, (self.train, self.validation, self.test))
        return replace(self, train=train, validation=validation, test=test, **others)

    def as_seen(self, cases: int, pixels: str, seed: int = 0) -> "DataSet":
        """The data set as the settings `cases` (0: all) and `pixels` (`unit` or `raw`) have it.

        seed: draws the training cases, of each answer in proportion.
        """
        scale = 1.0 if pixels == "raw" else self.train.scale
        data = self.changed(lambda part: replace(part, scale=scale))
        return replace(data, train=even_sample(data.train, cases, seed))

    def check(self, name: str, value: Any) -> None:
        """Raises Unfit if a setting is for pictures, has an effect, and this is a table."""
        if self.picture is None:
            check_plain(name, value, f"{self.name} is a table")

    def picture_of(self, cases: Cases, index: int) -> Pixels:
        """The unscaled inputs of a case: pixels, (rows, columns), or a row of the table."""
        row: Pixels = cases.inputs[index]
        return row if self.picture is None else row.reshape(self.picture)

    def __str__(self) -> str:
        cases = "case" if len(self.train) == 1 else "cases"
        size = f"{self.inputs:,} numbers"
        if self.picture is not None:
            size = f"{self.picture[0]} x {self.picture[1]} pixels"
        return (
            f"{self.name}, with {len(self.train):,} {cases} to train, {len(self.validation):,} to "
            f"validate, {len(self.test):,} to test; {size} each"
        )


def check_plain(name: str, value: Any, why: str) -> None:
    """Raises Unfit if a setting is for pictures and has an effect. why: there are none."""
    if value != (plain := FOR_PICTURES.get(name, value)):
        raise Unfit(f"{name} is for pictures, and {why}. Example: set {name} {plain}")


HASH_BYTES = 8


def hashes_of(inputs: NDArray[Any]) -> list[bytes]:
    """A hash of each case."""
    if inputs.dtype != np.uint8:
        inputs = inputs.astype(np.float32)
    return [blake2b(case.tobytes(), digest_size=HASH_BYTES).digest() for case in inputs]


def _some(cases: Cases, rows: Integers | slice) -> Cases:
    return replace(cases, inputs=cases.inputs[rows], targets=cases.targets[rows])


def even_sample(cases: Cases, count: int, seed: int) -> Cases:
    """So many random cases, in order: of each answer in proportion. All if there are fewer, or 0
    are wanted.
    """
    if not 0 < count < len(cases):
        return cases
    answers = answers_of(cases.targets)
    order = np.random.default_rng([seed, 4]).permutation(len(answers))
    place = np.empty(len(answers))  # of a case among those with its answer, from 0 to 1
    for answer in np.unique(answers):
        its = order[answers[order] == answer]
        place[its] = (np.arange(len(its)) + 0.5) / len(its)
    return _some(cases, np.sort(order[np.argsort(place[order], kind="stable")[:count]]))


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
            places = [folder / inner for folder in folders for inner in self.inside]
            return self.exists and (not self.files or bool(find(self.name, self.files, places)))
        except (BadFile, NotHere):
            return False


def find(name: str, stems: Sequence[str], folders: Sequence[Path]) -> list[Path]:
    """The files called `stems`, as `locate_idx` finds them, in the first folder that has all.

    Raises BadFile if no folder has all but one has some, NotHere if none has any.
    """
    incomplete = None
    for folder in folders:
        paths = {stem: path for stem in stems if (path := locate_idx(folder, stem))}
        if len(paths) == len(stems):
            return [*paths.values()]
        if paths and incomplete is None:
            missing = ", ".join(stem for stem in stems if stem not in paths)
            incomplete = BadFile(f"has some files of {name}, but not {missing}", folder)
    raise incomplete or NotHere(name)


def _idx_source(
    name: str,
    summary: str,
    files: Sequence[str],
    inside: Sequence[str] = ("",),
    *,
    validation: int = 5000,
    within: frozenset[str] = frozenset(),
    digests: Sequence[str | None] = (None,) * 4,
    max_bytes: int = MAX_IDX,
    answers: tuple[str, ...] = (),
    is_upright: bool = True,
) -> Source:
    """A source in four IDX files: training images and labels, test images and labels.

    validation: the number of training cases, the last ones, that become the validation set. within:
    the data sets whose training cases include all of these. max_bytes: of each file. answers: their
    names. is_upright: whether the pictures are not in column order.
    """

    def read(folders: Sequence[Path]) -> DataSet:
        try:
            paths = find(name, files, [folder / inner for folder in folders for inner in inside])
        except NotHere:
            looked_for = f"looked for {files[0]} and so on in {', '.join(map(str, folders))}"
            belong = f"its files belong in a folder named {inside[0]} in --data DIR"
            hint = belong if inside[0] else NotHere.HINT
            raise NotHere(name, f"{hint}; {looked_for}") from None
        arrays = [
            read_idx(path, 3 if "idx3" in stem else 1, digest, max_bytes=max_bytes)
            for stem, path, digest in zip(files, paths, digests, strict=True)
        ]
        train, test = (
            _cases(arrays[n], arrays[n + 1], paths[n : n + 2], is_upright) for n in (0, 2)
        )
        if len(train) <= validation:
            raise BadFile(f"has {len(train):,} cases, too few to train on", paths[0])
        first, last = _some(train, slice(-validation)), _some(train, slice(-validation, None))
        return DataSet(name, first, last, test, PICTURE, within, within, answers)

    return Source(name, summary, 784, 10, read, files, inside)


def _cases(pictures: Bytes, labels: Bytes, paths: Sequence[Path], is_upright: bool) -> Cases:
    """Cases of digits. Raises BadFile if the pictures or labels are not such. paths: of the two."""
    if pictures.shape[1:] != PICTURE:
        rows, columns = pictures.shape[1:]
        raise BadFile(f"has pictures of {rows} x {columns} pixels, not of 28 x 28", paths[0])
    if len(pictures) != len(labels):
        raise BadFile(f"{len(labels):,} labels for {len(pictures):,} pictures", paths[1])
    if labels.max() > 9:
        raise BadFile(f"has the label {labels.max()}; digits are 0 to 9", paths[1])
    upright = pictures if is_upright else pictures.transpose(0, 2, 1)
    return Cases(upright.reshape(len(pictures), -1), one_hot(labels, 10), 1 / 255)


def _smaller_source(source: Source, summary: str) -> Source:
    """A source reduced to 11 by 11 pixels: every second row and column, without the edges."""

    def smaller(cases: Cases) -> Cases:
        pictures: Pixels = cases.inputs.reshape(-1, *PICTURE)[:, ::2, ::2][:, 1:-2, 1:-2]
        return replace(cases, inputs=pictures.reshape(len(cases), -1))

    def read(folders: Sequence[Path]) -> DataSet:
        large = source.read(folders)
        return large.changed(
            smaller,
            name=f"{source.name}11",
            picture=(11, 11),
            tests_are_in=frozenset(f"{name}11" for name in large.tests_are_in),
            validations_are_in=frozenset(f"{name}11" for name in large.validations_are_in),
        )

    return replace(source, name=f"{source.name}11", summary=summary, inputs=121, read=read)


def _table_source(name: str, summary: str, rows: str) -> Source:
    """A table written as `inputs>outputs` in digits; the three parts all have all its cases."""
    sides = [row.split(">") for row in rows.split()]
    inputs, targets = (np.array([[float(c) for c in side[k]] for side in sides]) for k in range(2))
    cases, seen = Cases(inputs, targets), frozenset({name})
    data = DataSet(name, cases, cases, cases, None, seen, seen)
    return Source(name, summary, inputs.shape[1], targets.shape[1], lambda folders: data)


Curve = Callable[[Array, Array, Integers], tuple[Array, Array]]
"""(t, u, answers) → x, y of points in the plane, for t and u between 0 and 1."""

# cases to train, validate and test; what 1 is stretched to, and how far they are strewn
POINTS, REACH, NOISE = (300, 100, 100), 3.0, 0.03


def _plane_source(name: str, summary: str, curve: Curve) -> Source:
    """Cases of two inputs, on two curves, one for each answer: always the same ones."""

    def read(folders: Sequence[Path]) -> DataSet:
        rng = np.random.default_rng(0)
        parts = []
        for count in POINTS:
            answers = np.arange(count) % 2
            x, y = curve(rng.random(count), rng.random(count), answers)
            inputs = np.stack([x, y], axis=1) + NOISE * rng.standard_normal((count, 2))
            parts.append(Cases(REACH * inputs, one_hot(answers, 2)))
        train, validation, test = parts
        return DataSet(name, train, validation, test, None, frozenset(), frozenset())

    return Source(name, summary, 2, 2, read)


def _circle(t: Array, u: Array, answers: Integers) -> tuple[Array, Array]:
    radius = np.where(answers, 0.5 * np.sqrt(t), 0.75 + 0.25 * t)
    return radius * np.cos(2 * np.pi * u), radius * np.sin(2 * np.pi * u)


def _spiral(t: Array, u: Array, answers: Integers) -> tuple[Array, Array]:
    t = 0.1 + 0.9 * t
    angle = np.pi * (3 * t + answers)
    return t * np.cos(angle), t * np.sin(angle)


def _moons(t: Array, u: Array, answers: Integers) -> tuple[Array, Array]:
    x, y = np.cos(np.pi * t), np.sin(np.pi * t)
    return np.where(answers, 1 - x, x) - 0.5, np.where(answers, 0.5 - y, y) - 0.25


def _stems(name: str) -> tuple[str, ...]:
    kinds = ("images-idx3", "labels-idx1")
    return tuple(f"{name}-{part}-{kind}-ubyte" for part in ("train", "test") for kind in kinds)


MNIST_FILES = tuple(MNIST_DIGESTS)  # Fashion-MNIST's and KMNIST's files have the same names
EMNIST = _stems("emnist-digits")

FASHION = ("T-shirt", "trouser", "pullover", "dress", "coat",
           "sandal", "shirt", "sneaker", "bag", "ankle boot")  # fmt: skip
KUZUSHIJI = ("お o", "き ki", "す su", "つ tsu", "な na",
             "は ha", "ま ma", "や ya", "れ re", "を wo")  # fmt: skip

# all of the sample's cases are in MNIST's training set
_SAMPLE = _idx_source("sample", "5,000 of MNIST's digits, included", _stems("sample"),
                      validation=500, within=frozenset({"mnist"}))  # fmt: skip
_MNIST = _idx_source("mnist", "all 70,000 of MNIST's digits", MNIST_FILES,
                     ("", "mnist", "MNIST/raw", "MNIST", "raw"),
                     digests=tuple(MNIST_DIGESTS.values()))  # fmt: skip

_SOURCES = (
    _SAMPLE,
    _MNIST,
    _smaller_source(_SAMPLE, "the sample at 11 by 11 pixels"),
    _smaller_source(_MNIST, "MNIST at 11 by 11 pixels"),
    _table_source("truth", "a truth table of four cases: the answer is the first input",
                  "001>0 011>0 101>1 111>1"),
    _table_source("mini", "three switches: are most of them on? (no, yes)",
                  "000>10 001>10 010>10 011>01 100>10 101>01 110>01 111>01"),
    _table_source("mini3", "three switches, one of them on: which?", "100>100 010>010 001>001"),
    _table_source("xor", "two switches: is exactly one of them on?", "00>0 01>1 10>1 11>0"),
    _plane_source("circle", "500 points of a plane: inside a circle, or around it?", _circle),
    _plane_source("spiral", "500 points of a plane: on which of two spirals?", _spiral),
    _plane_source("moons", "500 points of a plane: on which of two half moons?", _moons),
)  # fmt: skip

# maximum size of a decompressed file of these: EMNIST has 240,000 training pictures
LARGE = 256 << 20

_RELATIVES = (
    _idx_source("fashion", "Fashion-MNIST: ten kinds of clothes", MNIST_FILES,
                ("fashion", "fashion-mnist", "FashionMNIST/raw"), max_bytes=LARGE, answers=FASHION),
    _idx_source("kmnist", "KMNIST: ten old Japanese characters", MNIST_FILES,
                ("kmnist", "KMNIST/raw"), max_bytes=LARGE, answers=KUZUSHIJI),
    _idx_source("emnist", "EMNIST's 280,000 digits", EMNIST,
                ("emnist", "EMNIST/raw", "gzip", ""), max_bytes=LARGE, is_upright=False),
)  # fmt: skip

SOURCES, RELATIVES = (
    {source.name: source for source in sources} for sources in (_SOURCES, _RELATIVES)
)

MADE = ("hand", "judge")
"""The data sets that were made for the included networks: no other has cases of them."""
