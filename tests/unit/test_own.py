"""Data sets of one's own: what is kept of them, the parts that cases stay in, every change."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from digitnet.digits.idx import BadData, idx_bytes, read_idx
from digitnet.digits.own import MINE, PARTS, TEST, TRAIN, VALIDATION, Bytes, OwnCases, spread
from digitnet.registry.files import TEMPORARY, RegistryError
from digitnet.registry.own_data import KEPT, LOCK, ROWS, OwnData


def picture(ink: int) -> Bytes:
    return np.full((28, 28), ink, np.uint8)


def some(count: int) -> OwnCases:
    cases = OwnCases.none()
    for number in range(count):
        cases = cases.with_case(picture(number), number % 10)
    return cases


def inks(cases: OwnCases) -> list[int]:
    return [int(each) for each in cases.pictures[:, 0, 0]]


def add(own: OwnData, ink: int) -> OwnCases:
    return own.change(MINE, lambda cases: cases.with_case(picture(ink), ink % 10))


@pytest.mark.parametrize("shape", [(3,), (2, 5), (4, 3, 2)])
def test_what_is_written_as_idx_is_read_again(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "x").write_bytes(idx_bytes(array))
    assert np.array_equal(read_idx(tmp_path / "x", len(shape)), array)


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


def test_the_last_picture_again_only_changes_its_answer() -> None:
    cases = some(4).with_case(picture(3), 8)
    assert cases.answers.tolist() == [0, 1, 2, 8]
    assert cases.with_case(picture(2), 5).answers.tolist() == [0, 1, 2, 8, 5]


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


def test_files_of_earlier_versions_are_read_changed_and_come_back(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "golden" / "own-digits", tmp_path / "digits")
    (tmp_path / "digits" / "photos.3").mkdir()  # deleted
    own = OwnData(tmp_path / "digits")
    assert own.names() == [MINE]
    before = own.read(MINE)
    assert before.answers.tolist() == [*range(10), 0, 1]
    assert before.parts.tolist() == [0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert before.pictures.max(axis=(1, 2)).tolist() == [*range(200, 212)]
    assert own.last_change()[1] == "photos"
    own.undo("photos")
    assert own.read("photos").answers.tolist() == [0, 1, 0, 1, 0]
    own.undo("photos", 2)
    assert own.read("photos").parts.tolist() == [0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 0, 0]
    assert len(own.change(MINE, lambda cases: cases.without(2))) == 11
    own.undo(MINE)
    assert own.read(MINE).files() == before.files()


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (np.zeros((5, 784), np.uint8), "784 bytes in a case, not 785"),
        (np.full((5, 785), 100, np.uint8), "answers other than 0 to 99"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, rows: Bytes, reason: str) -> None:
    (tmp_path / ROWS).write_bytes(idx_bytes(rows))
    with pytest.raises(BadData, match=reason):
        OwnData(tmp_path).read(MINE)


def test_each_change_can_be_undone_and_that_too(tmp_path: Path) -> None:
    own = OwnData(tmp_path / "digits")
    for ink in (1, 2, 3):
        add(own, ink)
    for back, left in ((1, [1, 2]), (1, [1, 2, 3]), (2, [1]), (1, [1, 2, 3])):
        own.undo(MINE, back)
        assert inks(own.read(MINE)) == left
    with pytest.raises(RegistryError, match="no change of the data set mine"):
        own.undo(MINE, 3)


def test_the_first_change_can_be_undone_too(tmp_path: Path) -> None:
    own = OwnData(tmp_path / "digits")
    add(own, 1)
    own.undo(MINE)
    assert own.names() == []
    own.undo(MINE)
    assert inks(own.read(MINE)) == [1]


def test_what_was_deleted_is_kept_however_much_is_changed_afterwards(tmp_path: Path) -> None:
    own = OwnData(tmp_path / "digits")
    for ink in range(20):
        add(own, ink)
    own.keep(MINE, OwnCases.none(), own.place(MINE))
    for ink in range(20):
        add(own, ink)
    places = sorted(tmp_path.glob("digits/mine.*"), key=lambda path: int(path.suffix[1:]))
    numbers = [20, 21, *range(42 - KEPT, 42)]
    assert [path.name for path in places] == [f"mine.{number}" for number in numbers]
    own.undo(MINE, KEPT + 1)
    assert inks(own.read(MINE)) == [*range(20)]


def test_programs_that_add_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    def some_more(first: int) -> None:
        for ink in range(first, first + 5):
            add(OwnData(tmp_path / "digits"), ink)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(some_more, (0, 50, 100, 150)))
    kept = inks(OwnData(tmp_path / "digits").read(MINE))
    assert sorted(kept) == [f + k for f in (0, 50, 100, 150) for k in range(5)]


def test_what_a_writer_that_was_killed_left_is_no_hindrance(tmp_path: Path) -> None:
    own = OwnData(tmp_path)
    add(own, 1)
    (tmp_path / f"{TEMPORARY}0123456789abcdef").mkdir()
    (tmp_path / f"{TEMPORARY}0123456789abcdef" / "half").write_bytes(b"half of")
    (tmp_path / f"{TEMPORARY}0123456789abcdef-{ROWS}").write_bytes(b"half of")
    assert inks(add(own, 2)) == [1, 2]
    assert {path.name for path in tmp_path.iterdir()} == {"mine.1", "mine.2", LOCK}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RegistryError, match="mine was not changed"):
        add(OwnData(tmp_path / "file"), 1)


def fails(*_: object) -> None:
    raise OSError(5, "Input/output error")


@pytest.mark.parametrize("step", ["fsync", "replace", "mkdir"])
def test_a_disk_that_fails_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    own = OwnData(tmp_path)
    add(own, 1)
    with monkeypatch.context() as patch:
        failing: Callable[..., None] = fails
        patch.setattr(f"os.{step}", failing)
        with pytest.raises(RegistryError, match="mine was not changed: Input/output error"):
            add(own, 2)
    assert inks(OwnData(tmp_path).read(MINE)) == [1]
    assert {path.name for path in tmp_path.iterdir()} == {"mine.1", LOCK}
