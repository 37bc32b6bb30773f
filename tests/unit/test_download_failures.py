"""That MNIST is fetched from whichever mirror has it right, and each mirror's failure is told."""

import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import download_helpers
import pytest
from download_helpers import (
    FILES,
    FIRST,
    OTHERS,
    SECOND,
    Answer,
    Start,
    answers,
    failure,
    fetch,
    hangs_up,
    inside,
    sends,
    sends_half,
)

from digitnet.digits import download

start, stand_ins = download_helpers.start, download_helpers.stand_ins
nobody = download_helpers.nobody


BAD_ANSWERS: dict[str, tuple[Answer, str]] = {
    "not-found": (sends(b"no such file", status=404), "answered 404 Not Found"),
    "forbidden": (sends(b"no", status=403), "answered 403 Forbidden"),
    "server-error": (sends(b"oh", status=500), "answered 500 Internal Server Error"),
    "another-file": (sends(OTHERS[FIRST]), "is not the original file: its SHA-256 differs"),
    "another-of-the-four": (sends(FILES[SECOND]), "has 1 dimensions, not 3"),
    "a-page": (sends(b"<html>Log in to this network</html>"), "is not an IDX file"),
    "nothing": (sends(b""), "is too short to be an IDX file"),
    "cut": (sends(FILES[FIRST][:-9]), "is cut short"),
    "junk-at-the-end": (sends(FILES[FIRST] + b"junk"), "goes on after the end"),
    "hangs-up": (hangs_up, "no connection"),
}


@pytest.mark.parametrize("bad", [a for a, _ in BAD_ANSWERS.values()], ids=list(BAD_ANSWERS))
def test_what_the_first_mirror_has_wrong_the_second_gives(
    tmp_path: Path, start: Start, bad: Answer
) -> None:
    in_place: list[str] = []

    def looks(request: BaseHTTPRequestHandler) -> None:
        in_place.extend(name for name in FILES if (tmp_path / name).exists())
        sends(FILES[FIRST])(request)

    first, second = start(answers(sends, first=bad)), start(answers(sends, first=looks))
    fetch(tmp_path, first.url, second.url)
    assert in_place == []  # while the second was asked, the first's was nowhere
    assert inside(tmp_path) == FILES
    assert second.asked == [FIRST]
    assert first.asked == list(FILES)


def test_of_half_a_file_nothing_is_kept_and_the_second_mirror_is_asked(
    tmp_path: Path, start: Start
) -> None:
    first, second = start(answers(sends_half)), start(answers(sends))
    fetch(tmp_path, first.url, second.url)
    assert inside(tmp_path) == FILES
    assert second.asked == list(FILES)


@pytest.mark.parametrize("sent", [None, 2048], ids=["before-it-answers", "in-the-middle"])
def test_a_mirror_that_falls_silent_is_left_for_the_second(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch, sent: int | None
) -> None:
    def waits(request: BaseHTTPRequestHandler) -> None:
        if sent is not None:
            sends(FILES[FIRST][:sent], claims=len(FILES[FIRST]))(request)
        first.over.wait(5)

    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    first, second = start(answers(sends, first=waits)), start(answers(sends))
    fetch(tmp_path, first.url, second.url)
    assert inside(tmp_path) == FILES
    assert second.asked == [FIRST]


@pytest.mark.parametrize(("bad", "says"), BAD_ANSWERS.values(), ids=BAD_ANSWERS)
def test_what_no_mirror_has_right_is_said_of_each_and_nothing_is_kept(
    tmp_path: Path, start: Start, bad: Answer, says: str
) -> None:
    first, second = start(answers(sends, first=bad)), start({})
    message = failure(tmp_path, first.url, second.url)
    of_first, of_second = message.split("; ")
    assert of_first.startswith(f"{first.url}: ")
    assert says in of_first
    assert of_second == f"{second.url}: answered 404 Not Found"
    assert inside(tmp_path) == {}
    assert first.asked == second.asked == [FIRST]


def test_half_a_file_from_every_mirror_is_said_in_plain_words(tmp_path: Path, start: Start) -> None:
    first, second = start(answers(sends_half)), start(answers(sends_half))
    message = failure(tmp_path, first.url, second.url)
    assert inside(tmp_path) == {}
    assert first.url in message
    assert second.url in message
    assert "IncompleteRead(" not in message


def test_what_a_mirror_sent_wrong_is_said_without_the_folder_it_was_put_in(
    tmp_path: Path, start: Start
) -> None:
    mirror = start({FIRST: sends(OTHERS[FIRST])})
    message = failure(tmp_path / "digits: mine", mirror.url)
    assert message == (
        f"{mirror.url}: sent a file that is not the original file: its SHA-256 differs"
    )


def test_mirrors_that_do_not_answer_are_named(
    tmp_path: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits(request: BaseHTTPRequestHandler) -> None:
        mirror.over.wait(5)

    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    mirror = start(answers(sends, first=waits))
    message = failure(tmp_path, mirror.url)
    assert message == f"{mirror.url}: no answer within 0.2 seconds"
    assert inside(tmp_path) == {}


@pytest.mark.serial
def test_offline_it_fails_at_once_and_says_so(tmp_path: Path, nobody: str) -> None:
    began = time.monotonic()
    message = failure(tmp_path, nobody, nobody)
    assert time.monotonic() - began < 1.5
    assert message == f"{nobody}: no connection; {nobody}: no connection"
    assert inside(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_a_failed_download(tmp_path: Path, start: Start) -> None:
    (tmp_path / "file").write_bytes(b"")
    mirror = start(answers(sends))
    assert str(tmp_path / "file") in failure(tmp_path / "file" / "digits", mirror.url)
    assert mirror.asked == []
