"""The user's own data sets: pictures or a table, answers, and the fixed part of each case."""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitnet.digits.datasets import PICTURE, DataSet, hashes_of
from digitnet.digits.files import (
    MAX_IDX,
    BadFile,
    Bytes,
    idx_array,
    idx_bytes,
    naming,
    read_bounded,
    read_idx,
)
from digitnet.digits.prepare import Picture
from digitnet.engine.arrays import Cases, one_hot

MINE = "mine"  # the set to which the command `mine` adds
ABOUT_MINE = "your own digits, which d draws and mine adds"
HOW_TO_ADD = "d draws a digit, mine adds it"
PARTS = TRAIN, VALIDATION, TEST = range(3)
# the files of a set of pictures: these, answers, and the part of each case
FILES = ("images-idx3-ubyte.gz", "labels-idx1-ubyte.gz", "parts-idx1-ubyte.gz")
# the file of a table, in place of the pictures: each row is its numbers as float32
TABLE = "table-idx2-ubyte.gz"
WORDS = "answers.txt"  # the file of the names of the answers, a line for each, if they are words
MAX_ANSWERS, MAX_WORD = 100, 200  # characters of an answer in words
# EMNIST has 280,000 digits; as many pictures fit in a save's 256 MiB even if none is packed
MAX_CASES = 300_000
MAX_INPUTS = MAX_CASES * prod(PICTURE)  # maximum bytes of the pictures, or of the table
FEW = 10  # different cases; with fewer, none are set aside
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class OwnCases:
    """Cases with answers (cases,), whole numbers from 0, and parts TRAIN to TEST (cases,).

    pictures: (cases, 28, 28) bytes, or a table: (cases, columns) float32. words: the name of each
    answer, if answers are words.
    """

    pictures: NDArray[Any]
    answers: Bytes
    parts: Bytes
    words: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def none(cls) -> "OwnCases":
        nothing = np.empty(0, np.uint8)
        return cls(np.empty((0, *PICTURE), np.uint8), nothing, nothing)

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> "OwnCases":
        """The cases in the files that `files` returns. Raises BadFile, without a path."""
        first, dimensions = (TABLE, 2) if TABLE in files else (FILES[0], 3)
        missing = ", ".join(name for name in (first, *FILES[1:]) if name not in files)
        if missing or len(files) != len(FILES) + (WORDS in files):
            raise BadFile(f"has no {missing}" if missing else "has files that no data set has")
        answers, parts = (idx_array(files[name], 1) for name in FILES[1:])
        inputs: NDArray[Any] = idx_array(files[first], dimensions, max_bytes=MAX_INPUTS + 64)
        if first == TABLE:
            if inputs.shape[1] % 4:
                raise BadFile("has a table of something other than numbers")
            inputs = inputs.view("<f4").astype(np.float32)
        words = files[WORDS].decode(errors="replace").split("\n") if WORDS in files else ()
        return _checked(cls(inputs, answers, parts, words=tuple(words)))

    def __len__(self) -> int:
        return len(self.pictures)

    def with_cases(self, pictures: Sequence[Picture], answers: Sequence[int]) -> "OwnCases":
        """Adds cases; if the pictures are the last ones, corrects their answers instead."""
        first = max(0, len(self) - len(pictures))
        first = first if np.array_equal(self.pictures[first:], pictures) else len(self)
        if (total := first + len(pictures)) > MAX_CASES:
            raise BadFile(f"there is no room for more than {MAX_CASES:,} cases")
        return OwnCases(
            np.concatenate([self.pictures[:first], pictures]),
            np.append(self.answers[:first], np.array(answers, np.uint8)),
            np.append(self.parts, spread(total)[len(self) :]),
        )

    def answered(self, number: int, answer: int) -> "OwnCases":
        answers = self.answers.copy()
        answers[number] = answer
        return replace(self, answers=answers)

    def without(self, number: int) -> "OwnCases":
        """A copy without case `number`; the others keep their parts."""
        arrays = (self.pictures, self.answers, self.parts)
        return OwnCases(*(np.delete(array, number, 0) for array in arrays), words=self.words)

    def files(self) -> dict[str, bytes]:
        """File name → gzipped IDX file; empty if there are no cases."""
        if not len(self):
            return {}
        first, inputs = FILES[0], self.pictures
        if self.pictures.ndim == 2:
            first, inputs = TABLE, np.ascontiguousarray(self.pictures, "<f4").view(np.uint8)
        arrays = {first: inputs, FILES[1]: self.answers, FILES[2]: self.parts}
        files = {name: gzip.compress(idx_bytes(a), 2, mtime=0) for name, a in arrays.items()}
        return files | ({WORDS: "\n".join(self.words).encode()} if self.words else {})

    def data_set(self, name: str) -> DataSet:
        """The data set. A part without cases has those of the training set, if there are any."""
        (train, _), (validation, validated), (test, tested) = (self._part(p, name) for p in PARTS)
        picture = PICTURE if self.pictures.ndim == 3 else None
        return DataSet(name, train, validation, test, picture, tested, validated, self.words)

    def _part(self, part: int, name: str) -> tuple[Cases, frozenset[str]]:
        """The cases of a part, and the data sets whose training cases include them."""
        chosen = self.parts == part
        within = frozenset({name} if not (self.parts == TRAIN).any() else ())
        if not chosen.any():  # never the test cases to validate, nor the other way round
            chosen, within = self.parts == TRAIN, frozenset({name})
            chosen = chosen if chosen.any() else np.ones(len(self), np.bool_)
        least, scale = (2, 1.0) if self.pictures.ndim == 2 else (10, 1 / 255)
        flat = self.pictures.reshape(len(self), -1)
        targets = one_hot(self.answers[chosen], max(least, int(self.answers.max()) + 1))
        return Cases(flat[chosen], targets, scale), within


def spread(count: int) -> Bytes:
    """The parts of cases 0, 1, ..., `count` - 1, which do not depend on cases added later.

    A tenth goes to validation and a tenth to the test, by the fractional part of kφ,
    φ = (√5 - 1)/2: it is evenly distributed and has no period, unlike the order in which people
    draw digits (0 to 9, say). The first three cases belong to three different parts.
    """
    place = np.arange(count) * GOLDEN % 1
    chosen = [(place >= 0.6) & (place < 0.7), (place >= 0.2) & (place < 0.3)]
    return np.select(chosen, [TEST, VALIDATION], TRAIN).astype(np.uint8)


def parts_of(inputs: NDArray[Any], answers: Bytes) -> Bytes:
    """The parts of imported cases: about a tenth for validation, and a tenth to test.

    A hash of its inputs decides where a case belongs: what is trained on never tests after another
    import, with more cases or under another name. But each part has at least one case of each
    answer that has FEW different ones. With fewer in all, as in a truth table, all are trained on.
    """
    places = np.frombuffer(b"".join(hashes_of(inputs)), "<u8") / 2.0**64
    parts = np.full(len(answers), TRAIN, np.uint8)
    if len(np.unique(places)) < FEW:
        return parts
    parts[places < 0.1], parts[places >= 0.9] = TEST, VALIDATION
    for chosen in (answers >= 0, *(answers == answer for answer in np.unique(answers))):
        its = np.unique(places[chosen])
        if len(its) >= FEW:
            parts[places == its[0]], parts[places == its[-1]] = TEST, VALIDATION
    return parts


def read_own(place: Path) -> OwnCases:
    """Reads a set as earlier versions kept it: a folder of its files or, in the first version, one
    file with rows of an answer and its pixels. Raises BadFile.
    """
    with naming(place):
        if not place.is_file():
            paths = [place / name for name in (*FILES, TABLE) if (place / name).exists()]
            files = {path.name: read_bounded(path, MAX_IDX, follow=False) for path in paths}
            return OwnCases.of_files(files)
        rows = read_idx(place, 2)
        if rows.shape[1] != 1 + prod(PICTURE):
            raise BadFile(f"has {rows.shape[1]:,} bytes in a case, not {1 + prod(PICTURE)}")
        pictures, answers = rows[:, 1:].reshape(-1, *PICTURE), rows[:, 0]
        return _checked(OwnCases(pictures, answers, spread(len(rows))))


def max_cases(pictures: NDArray[Any]) -> int:
    """The maximum number of such pictures, or of rows of such a table, in a set."""
    return min(MAX_CASES, MAX_INPUTS // pictures[:1].nbytes) if pictures.size else MAX_CASES


def _checked(cases: OwnCases) -> OwnCases:
    """Raises BadFile unless these are pictures of 28 x 28, or numbers, with answers and parts."""
    pictures, answers, parts = cases.pictures, cases.answers, cases.parts
    if pictures.ndim == 2 and not np.isfinite(pictures).all():
        raise BadFile("has numbers that are not finite")
    if pictures.ndim != 2 and pictures.shape[1:] != PICTURE:
        size = " x ".join(str(n) for n in pictures.shape[1:])
        raise BadFile(f"has pictures of {size} pixels, not of 28 x 28")
    if len(pictures) != len(answers):
        raise BadFile(f"has {len(answers):,} answers for {len(pictures):,} pictures")
    if not 0 < len(answers) <= (most := max_cases(pictures)):
        raise BadFile(f"has {len(answers):,} cases; at most {most:,} are kept")
    if answers.max() >= MAX_ANSWERS:
        raise BadFile(f"has answers other than 0 to {MAX_ANSWERS - 1}")
    words = cases.words
    are_words = all(len(word) <= MAX_WORD and word.isprintable() for word in words)
    if words and not (answers.max() < len(words) <= MAX_ANSWERS and are_words):
        raise BadFile("has names of answers that are not those of its answers")
    if len(parts) != len(answers) or parts.max() > TEST:
        raise BadFile("has parts that are not those of its cases")
    return cases
