"""That MNIST is fetched whole, and stops and goes on where it should."""

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
    sends,
    sends_without_length,
)

from digitnet.digits.download import DownloadFailed, Fetched, download_mnist

start, stand_ins = download_helpers.start, download_helpers.stand_ins


def end_of_threads_since(before: set[threading.Thread]) -> None:
    """Waits for downloads that were left to themselves."""
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


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
    assert len(counts) > 3
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
    stopping = threading.Event()

    def endless(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(1 << 40))
        request.end_headers()
        end = time.monotonic() + 5
        while time.monotonic() < end:  # or until the client hangs up
            request.wfile.write(bytes(2000))
            time.sleep(0.005)

    mirror = start(answers(sends, second=endless))
    before = set(threading.enumerate())
    reports = download_mnist(tmp_path, stopping.is_set, (mirror.url,))
    began = time.monotonic()
    with pytest.raises(DownloadFailed, match="stopped; complete files were kept"):
        for report in reports:
            if report.file == SECOND:
                stopping.set()
    assert time.monotonic() - began < 1.5
    end_of_threads_since(before)
    assert inside(tmp_path) == {FIRST: FILES[FIRST]}
    assert mirror.asked == [FIRST, SECOND]


def test_it_stops_while_a_mirror_is_silent_and_keeps_nothing_of_what_comes_later(
    tmp_path: Path, start: Start
) -> None:
    silent, stopping = threading.Event(), threading.Event()
    content = FILES[FIRST]

    def pauses(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content[:2048])
        silent.wait(5)
        request.wfile.write(content[2048:])

    mirror = start(answers(sends, first=pauses))
    before = set(threading.enumerate())
    reports = download_mnist(tmp_path, stopping.is_set, (mirror.url, mirror.url))
    for _ in range(2):  # both pieces that were sent: it waits for the third
        next(reports)
    began = time.monotonic()
    stopping.set()
    with pytest.raises(DownloadFailed, match="stopped; complete files were kept"):
        list(reports)
    assert time.monotonic() - began < 1.5
    assert not (tmp_path / FIRST).exists()
    silent.set()
    end_of_threads_since(before)
    assert inside(tmp_path) == {}
    assert mirror.asked == [FIRST]
