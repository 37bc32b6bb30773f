"""Data sets of one's own: what is kept of them, the parts that cases stay in, every change."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from registry_helpers import batches_of, make_pipe, plain, soon

from digitnet.digits.files import BadFile, idx_bytes
from digitnet.digits.own import (
    FILES,
    MAX_CASES,
    MAX_INPUTS,
    MINE,
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    Bytes,
    OwnCases,
    max_cases,
    spread,
)
from digitnet.registry.files import MAX_BYTES, RegistryError
from digitnet.registry.own_sets import ROWS, OwnData
from digitnet.registry.undo import undo


def picture(ink: int) -> Bytes:
    return np.full((28, 28), ink, np.uint8)


def some(count: int) -> OwnCases:
    cases = OwnCases.none()
    for number in range(count):
        cases = cases.with_cases([picture(number)], [number % 10])
    return cases


def inks(cases: OwnCases) -> list[int]:
    return [int(each) for each in cases.pictures[:, 0, 0]]


def add(own: OwnData, ink: int) -> OwnCases:
    return own.change(MINE, lambda cases: cases.with_cases([picture(ink)], [ink % 10]))[1]


def undo_own(own: OwnData, name: str = MINE, number: int = 1) -> None:
    undo(own.store, name, number)


def test_a_case_stays_in_its_part_when_others_are_added_or_removed() -> None:
    many = spread(5000)
    assert set(spread(3).tolist()) == set(PARTS)
    assert np.bincount(many) / 5000 == pytest.approx([0.8, 0.1, 0.1], abs=0.002)
    cases = some(40)
    assert cases.parts.tolist() == many[:40].tolist()
    left = cases.without(3).without(20)
    assert left.parts.tolist() == np.delete(many[:40], [3, 21]).tolist()


@pytest.mark.parametrize("period", [2, 3, 5, 10])
def test_every_digit_is_in_every_part_in_whatever_order_they_are_drawn(period: int) -> None:
    answers = np.arange(1000) % period
    for part in (TRAIN, VALIDATION, TEST):
        counts = np.bincount(answers[spread(1000) == part], minlength=period)
        assert counts.min() >= 0.7 * counts.mean()


@pytest.mark.parametrize(
    ("pictures", "answers", "then"),
    [
        ([3], [8], [0, 1, 2, 8]),
        ([2, 3], [7, 8], [0, 1, 7, 8]),
        ([0, 1, 2, 3], [9, 8, 7, 6], [9, 8, 7, 6]),
        ([2], [5], [0, 1, 2, 3, 5]),
        ([3, 3], [5, 6], [0, 1, 2, 3, 5, 6]),  # of one reading, even equal ones are different cases
        ([2, 3, 4], [2, 3, 4], [0, 1, 2, 3, 2, 3, 4]),
        ([4] * 5, [5] * 5, [0, 1, 2, 3, 5, 5, 5, 5, 5]),
    ],
)
def test_the_last_pictures_again_only_change_their_answers(
    pictures: list[int], answers: list[int], then: list[int]
) -> None:
    cases = some(4).with_cases([picture(ink) for ink in pictures], answers)
    assert cases.answers.tolist() == then
    assert cases.parts.tolist() == spread(len(then)).tolist()


@pytest.mark.parametrize("count", [1, 3, 40])
def test_the_data_set_has_each_case_once_unless_there_are_too_few(count: int) -> None:
    data = some(count).data_set(MINE)
    seen = [
        (int(row[0]), int(target.argmax()))
        for cases in (data.train, data.validation, data.test)
        for row, target in zip(cases.inputs, cases.targets, strict=True)
    ]
    assert sorted(set(seen)) == [(number, number % 10) for number in range(count)]
    assert len(seen) == (3 if count == 1 else count)
    assert (data.tests_are_in == {MINE}) == (count == 1)


# on the disk


@pytest.fixture
def own(tmp_path: Path) -> OwnData:
    return OwnData(tmp_path / "saves")


@pytest.fixture
def earlier(own: OwnData) -> Path:
    """The folder in which an earlier version has kept two sets."""
    shutil.copytree(ROOT / "tests" / "golden" / "own-digits", own.store.folder / "digits")
    return own.store.folder / "digits"


def test_sets_of_earlier_versions_are_read_to_the_bit_and_taken_over_by_a_change(
    own: OwnData, earlier: Path
) -> None:
    assert own.names() == [MINE, "photos"]
    files = {path.name: path.read_bytes() for path in (earlier / "photos.2").iterdir()}
    assert OwnCases.of_files(files).files() == own.read("photos").files()
    before = own.read(MINE)
    assert before.answers.tolist() == [*range(10), 0, 1]
    assert before.parts.tolist() == [0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert before.pictures.max(axis=(1, 2)).tolist() == [*range(200, 212)]
    assert [*earlier.glob("photos.*")] != []
    assert len(own.change(MINE, lambda cases: cases.without(2))[1]) == 11
    assert {path.name for path in earlier.iterdir()} == {f".{ROWS}", "photos.1", "photos.2"}
    undo_own(own)
    assert own.read(MINE).files() == before.files()
    (earlier / "photos.3").mkdir()  # which that version has deleted
    assert own.names() == [MINE]


@pytest.mark.parametrize("planted", ["mine.999999999", "mine.0000000001", "mine.1e9"])
def test_no_planted_folder_hides_what_is_added(own: OwnData, earlier: Path, planted: str) -> None:
    shutil.copytree(earlier / "photos.1", earlier / planted)
    add(own, 1)
    assert len(own.read(MINE)) == len(add(own, 2)) - 1
    assert inks(own.read(MINE))[-2:] == [1, 2]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (np.zeros((5, 784), np.uint8), "784 bytes in a case, not 785"),
        (np.full((5, 785), 100, np.uint8), "answers other than 0 to 99"),
        ("link", "symbolic link"),
        ("pipe", "not a regular file"),
        ("missing", "has no labels"),
    ],
)
def test_sets_of_earlier_versions_that_cannot_be_used(
    own: OwnData, earlier: Path, spoil: Bytes | str, reason: str
) -> None:
    if isinstance(spoil, str):
        path = earlier / "photos.2" / FILES[1]
        path.rename(earlier / "elsewhere")
        if spoil == "link":
            path.symlink_to(earlier / "elsewhere")
        elif spoil == "pipe":
            make_pipe(path)
        with pytest.raises(BadFile, match=reason):
            soon(lambda: own.read("photos"))
        own.keep("photos", some(2), own.version("photos"))
        assert len(own.read("photos")) == 2
    else:
        (earlier / ROWS).write_bytes(idx_bytes(spoil))
        with pytest.raises(BadFile, match=reason):
            own.read(MINE)
        own.keep(MINE, OwnCases.none(), own.version(MINE))
        assert own.names() == ["photos"]


def test_a_network_and_a_data_set_may_have_the_same_name(own: OwnData) -> None:
    own.store.save(plain(batches=1), MINE)
    add(own, 1)
    own.store.save(plain(batches=2), MINE)
    add(own, 2)
    for inks_left, batches in (([1], 2), ([1, 2], 2)):
        assert undo(own.store, MINE).change.entry.kind == "data"
        assert (inks(own.read(MINE)), batches_of(own.store, MINE)) == (inks_left, batches)
    own.store.delete(MINE)
    assert own.names() == [MINE]
    assert own.store.names() == []


def test_programs_that_add_at_the_same_time_lose_nothing(own: OwnData) -> None:
    def some_more(first: int) -> None:
        for ink in range(first, first + 5):
            add(OwnData(own.store.folder), ink)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(some_more, (0, 50, 100, 150)))
    assert sorted(inks(own.read(MINE))) == [f + k for f in (0, 50, 100, 150) for k in range(5)]


def test_a_set_that_another_program_has_changed_is_not_replaced(own: OwnData) -> None:
    add(own, 1)
    version = own.version(MINE)
    add(own, 2)
    with pytest.raises(RegistryError, match="was changed by another program"):
        own.keep(MINE, some(5), version)
    assert inks(own.read(MINE)) == [1, 2]


def test_a_damaged_set_is_named_and_undo_brings_back_the_one_before(own: OwnData) -> None:
    for ink in (1, 2):
        add(own, ink)
    entry = own.store.find(MINE, data=True)
    assert entry
    path = own.store.folder / entry.file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(BadFile, match="damaged: it is cut short"):
        own.read(MINE)
    undo_own(own)
    assert inks(own.read(MINE)) == [1]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RegistryError, match="mine was not changed"):
        add(OwnData(tmp_path / "file"), 1)
    assert OwnData(tmp_path / "file").names() == []


def test_all_of_emnist_fits_and_what_fits_can_be_saved_even_if_nothing_packs() -> None:
    pictures, table = np.empty((1, 28, 28), np.uint8), np.empty((1, 4000), np.float32)
    assert max_cases(pictures) == MAX_CASES >= 280_000
    assert max_cases(table) * table.nbytes <= MAX_INPUTS
    assert max_cases(np.empty((1, 2), np.float32)) == MAX_CASES
    assert 1.01 * (MAX_INPUTS + 2 * MAX_CASES) < MAX_BYTES
