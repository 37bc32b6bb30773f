"""That MNIST is fetched whole, and stops and goes on where it should."""

import signal
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import download_helpers
import pytest
from download_helpers import (
    FILES,
    FIRST,
    FOURTH,
    OTHERS,
    SECOND,
    THIRD,
    Start,
    answers,
    failure,
    fetch,
    inside,
    resumes,
    sends,
    sends_without_length,
)

from digitnet.digits.download import Fetched, download_mnist
from digitnet.engine.report import Stopped
from digitnet.repl.interrupts import Interrupts, interruptible

start, stand_ins = download_helpers.start, download_helpers.stand_ins


def test_four_files_are_fetched(
    tmp_path: Path, start: Start, capfd: pytest.CaptureFixture[str]
) -> None:
    mirror = start(answers(sends))
    fetch(tmp_path, mirror.url)
    assert inside(tmp_path) == FILES
    assert mirror.asked == list(FILES)
    assert capfd.readouterr() == ("", "")


def test_the_folder_is_made(tmp_path: Path, start: Start) -> None:
    folder = tmp_path / "cache" / "digits"
    fetch(folder, start(answers(sends)).url)
    assert inside(folder) == FILES


def test_the_last_report_of_a_file_is_that_all_of_it_is_here(tmp_path: Path, start: Start) -> None:
    last = {report.file: report for report in fetch(tmp_path, start(answers(sends)).url)}
    assert list(last) == list(FILES)
    for name, content in FILES.items():
        assert last[name] == Fetched(name, len(content), len(content))


def test_reports_count_the_bytes_so_far(tmp_path: Path, start: Start) -> None:
    reports = [r for r in fetch(tmp_path, start(answers(sends)).url) if r.file == FIRST]
    counts = [report.done for report in reports]
    assert counts
    assert counts == sorted(counts)
    assert {report.total for report in reports} == {len(FILES[FIRST])}
    assert max(counts) == len(FILES[FIRST])


def test_a_file_of_unknown_length_is_fetched_and_its_total_is_none(
    tmp_path: Path, start: Start
) -> None:
    reports = fetch(tmp_path, start(answers(sends_without_length)).url)
    assert inside(tmp_path) == FILES
    assert {report.total for report in reports} == {None}


def test_files_that_are_whole_are_not_asked_for_again(tmp_path: Path, start: Start) -> None:
    mirror = start(answers(sends))
    fetch(tmp_path, mirror.url)
    mirror.asked.clear()
    assert fetch(tmp_path, mirror.url) == []
    assert mirror.asked == []
    assert inside(tmp_path) == FILES


@pytest.mark.parametrize(
    "content", [FILES[SECOND][:-3], OTHERS[SECOND], b""], ids=["cut", "another", "empty"]
)
def test_only_a_file_that_is_not_whole_is_fetched_anew(
    tmp_path: Path, start: Start, content: bytes
) -> None:
    for name, whole in FILES.items():
        (tmp_path / name).write_bytes(content if name == SECOND else whole)
    mirror = start(answers(sends))
    reports = fetch(tmp_path, mirror.url)
    assert mirror.asked == [SECOND]
    assert {report.file for report in reports} == {SECOND}
    assert inside(tmp_path) == FILES


def test_files_fetched_before_a_failure_are_kept_and_the_rest_fetched_later(
    tmp_path: Path, start: Start
) -> None:
    failing = start({name: sends(FILES[name]) for name in (FIRST, SECOND)})
    assert "answered 404" in failure(tmp_path, failing.url)
    assert inside(tmp_path) == {name: FILES[name] for name in (FIRST, SECOND)}
    mirror = start(answers(sends))
    fetch(tmp_path, mirror.url)
    assert mirror.asked == [THIRD, FOURTH]
    assert inside(tmp_path) == FILES


def test_it_stops_between_two_pieces_of_a_file_and_keeps_none(tmp_path: Path, start: Start) -> None:
    def endless(request: BaseHTTPRequestHandler) -> None:
        sends(b"", claims=1 << 40)(request)
        end = time.monotonic() + 5
        while time.monotonic() < end:  # or until the client hangs up
            request.wfile.write(bytes(2000))
            time.sleep(0.005)

    def stop_at_the_second(done: Fetched) -> None:
        if done.file == SECOND:
            raise Stopped

    mirror = start(answers(sends, second=endless))
    with pytest.raises(Stopped):
        download_mnist(tmp_path, stop_at_the_second, (mirror.url,))
    assert inside(tmp_path) == {FIRST: FILES[FIRST]}
    assert mirror.asked == [FIRST, SECOND]


@pytest.mark.serial
@pytest.mark.parametrize("sent", [None, 2048], ids=["before-it-answers", "in-the-middle"])
def test_ctrl_c_ends_it_at_once_while_a_mirror_is_silent(
    tmp_path: Path, start: Start, sent: int | None
) -> None:
    def waits(request: BaseHTTPRequestHandler) -> None:
        if sent is not None:
            sends(FILES[FIRST][:sent], claims=len(FILES[FIRST]))(request)
        time.sleep(0.1)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        mirror.over.wait(5)

    mirror = start(answers(sends, first=waits))
    interrupts = Interrupts(working=True)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt), interruptible(interrupts), interrupts.at_once():
        fetch(tmp_path, mirror.url, mirror.url)
    assert time.monotonic() - begun < 1.5
    assert interrupts.asked
    assert not interrupts.waiting
    assert inside(tmp_path) == {}


def test_a_connection_that_breaks_off_is_resumed_for_as_long_as_more_arrives(
    tmp_path: Path, start: Start
) -> None:
    mirrors = [start(answers(lambda content: resumes(content, 2000))) for _ in range(2)]
    reports = fetch(tmp_path, *(mirror.url for mirror in mirrors))
    assert inside(tmp_path) == FILES
    counts = [report.done for report in reports if report.file == FIRST]
    assert counts == sorted(counts)  # nothing was sent twice
    assert [mirror.asked.count(FIRST) for mirror in mirrors] == [2, 2]
    assert {r.total for r in reports if r.file == FIRST} == {len(FILES[FIRST])}
