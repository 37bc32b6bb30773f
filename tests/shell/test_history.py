"""The history of the prompt: kept for the next time, whatever its file is."""

import os
import random
from pathlib import Path

import pytest
from registry_helpers import soon

from digitnet.repl.terminal.history import FAILED, MAX_BYTES, KeptHistory


def lines_of(path: Path) -> list[str]:
    return list(KeptHistory(path).load_history_strings())


def test_lines_come_back_the_latest_first(tmp_path: Path) -> None:
    path = tmp_path / "made" / "history"
    history = KeptHistory(path)
    for line in ["n relu", "t 2e\nch all", "é ✓"]:
        history.append_string(line)
    assert lines_of(path) == ["é ✓", "t 2e\nch all", "n relu"]
    assert path.stat().st_mode & 0o077 == 0  # what somebody typed is their own


def test_two_programs_keep_all_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "history"
    one, two = KeptHistory(path), KeptHistory(path)
    for number in range(50):
        one.append_string(f"one {number}")
        two.append_string(f"two {number}")
    assert sorted(lines_of(path)) == sorted(f"{w} {n}" for n in range(50) for w in ("one", "two"))


def test_a_corrupt_file_keeps_what_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "history"
    KeptHistory(path).append_string("before")
    with path.open("ab") as file:
        file.write(random.Random(1).randbytes(5000) + b"\xff\xfe\n")
    KeptHistory(path).append_string("after")
    assert lines_of(path)[0] == "after"
    assert lines_of(path)[-1] == "before"


def test_of_a_huge_file_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("\n+old\n" * (MAX_BYTES // 5))
    KeptHistory(path).append_string("new")
    assert lines_of(path)[0] == "new"
    assert len(lines_of(path)) <= MAX_BYTES // 5


def test_a_file_pasted_by_mistake_leaves_earlier_lines_to_be_found(tmp_path: Path) -> None:
    history = KeptHistory(tmp_path / "history")
    for line in ("ls", "0 1 " * (MAX_BYTES // 4), "0 1\n" * (MAX_BYTES // 4)):
        history.append_string(line)
        history.store_string(line, FAILED)
        assert lines_of(tmp_path / "history") == ["ls"]


@pytest.mark.parametrize("kind", ["folder", "no folder above", "pipe"])
def test_where_no_file_can_be_the_history_lasts_as_long_as_the_program(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / "history"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        (tmp_path / "file").write_text("")
        path = tmp_path / "file" / "history"
    history = KeptHistory(path)
    soon(lambda: history.append_string("line"))
    assert history.get_strings() == ["line"]
    assert soon(lambda: lines_of(path)) == []


def test_a_line_that_could_deceive_is_not_offered_again(tmp_path: Path) -> None:
    (tmp_path / "history").write_text("+t 1\n\n+ls \u202e1 t\n\n+\x1b[2J\n", encoding="utf-8")
    assert list(KeptHistory(tmp_path / "history").load_history_strings()) == ["t 1"]
