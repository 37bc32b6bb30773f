"""Digits of one's own: the file, and the parts that its cases stay in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from digitnet.digits.datasets import SOURCES, NotHere
from digitnet.digits.idx import BadData, idx_bytes, read_idx
from digitnet.digits.own import (
    FILE,
    NONE,
    PARTS,
    TEST,
    TRAIN,
    VALIDATION,
    Bytes,
    parts,
    read_rows,
    with_case,
)
from digitnet.registry.errors import RegistryError
from digitnet.registry.files import TEMPORARY
from digitnet.registry.own_digits import LOCK, add_case


def picture(ink: int) -> Bytes:
    return np.full((28, 28), ink, np.uint8)


def some(count: int) -> Bytes:
    rows = NONE
    for number in range(count):
        rows = with_case(rows, picture(number), number % 10)
    return rows


@pytest.mark.parametrize("shape", [(3,), (2, 5), (4, 3, 2)])
def test_what_is_written_as_idx_is_read_again(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "x").write_bytes(idx_bytes(array))
    assert np.array_equal(read_idx(tmp_path / "x", len(shape)), array)


def test_a_case_stays_in_its_part_when_others_are_added() -> None:
    all_of_them = parts(5000)
    for count in (0, 1, 7, 500):
        assert np.array_equal(parts(count), all_of_them[:count])
    assert set(parts(3).tolist()) == set(PARTS)
    shares = np.bincount(all_of_them) / 5000
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.002)


@pytest.mark.parametrize("period", [2, 3, 5, 10])
def test_every_digit_is_in_every_part_in_whatever_order_they_are_drawn(period: int) -> None:
    answers = np.arange(1000) % period
    for part, least in ((TRAIN, 0.7), (VALIDATION, 0.7), (TEST, 0.7)):
        counts = np.bincount(answers[parts(1000) == part], minlength=period)
        assert counts.min() >= least * counts.mean()


def test_the_last_picture_again_only_changes_its_answer() -> None:
    rows = with_case(some(4), picture(3), 8)
    assert rows[:, 0].tolist() == [0, 1, 2, 8]
    assert with_case(rows, picture(2), 5)[:, 0].tolist() == [0, 1, 2, 8, 5]


def test_the_data_set_has_each_case_once_as_it_was_added(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(idx_bytes(some(40)))
    data = SOURCES["mine"].read([tmp_path])
    seen = [
        (int(row[0]), int(target.argmax()))
        for cases in (data.train, data.validation, data.test)
        for row, target in zip(cases.inputs, cases.targets, strict=True)
    ]
    assert sorted(seen) == [(number, number % 10) for number in range(40)]
    assert len(data.validation) > 0 < len(data.test)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (some(2), "holds 2 digits, too few"),
        (np.zeros((5, 784), np.uint8), "784 bytes in a case, not 785"),
        (np.full((5, 785), 10, np.uint8), "the answer 10"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, rows: Bytes, reason: str) -> None:
    (tmp_path / FILE).write_bytes(idx_bytes(rows))
    with pytest.raises(BadData, match=reason):
        SOURCES["mine"].read([tmp_path])


def test_none_yet_says_how_to_add_some(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="mine is not here: d draws a digit, mine adds it"):
        SOURCES["mine"].read([tmp_path])


def test_programs_that_add_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    def add(first: int) -> None:
        for number in range(first, first + 5):
            add_case(tmp_path / "digits", picture(number), number % 10)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, (0, 50, 100, 150)))
    rows = read_rows(tmp_path / "digits" / FILE)
    assert sorted(rows[:, 1].tolist()) == [f + k for f in (0, 50, 100, 150) for k in range(5)]


def test_what_a_writer_that_was_killed_left_is_no_hindrance(tmp_path: Path) -> None:
    add_case(tmp_path, picture(1), 1)
    (tmp_path / f"{TEMPORARY}0123456789abcdef-{FILE}").write_bytes(b"half of")
    assert add_case(tmp_path, picture(2), 2).tolist() == [1, 2]
    assert {path.name for path in tmp_path.iterdir()} == {FILE, LOCK}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RegistryError, match="nothing was added"):
        add_case(tmp_path / "file", picture(1), 1)
