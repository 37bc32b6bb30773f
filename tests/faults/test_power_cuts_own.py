"""Power cuts while one's own digits are added, changed, removed and brought back: none is lost."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Tally
from power_helpers import Disk, Event, Recorder, put_back

from digitnet.digits.idx import BadData
from digitnet.digits.own import MINE, Bytes, OwnCases
from digitnet.registry.own_data import OwnData

Step = Callable[[OwnData], object]


def added(ink: int) -> Step:
    picture: Bytes = np.full((28, 28), ink, np.uint8)
    return lambda own: own.change(MINE, lambda cases: cases.with_case(picture, ink % 10))


def undone(number: int) -> Step:
    return lambda own: own.undo(MINE, number)


PLAN: tuple[tuple[Step, list[int]], ...] = (
    (added(1), [1]),
    (added(2), [1, 2]),
    (added(3), [1, 2, 3]),
    (lambda own: own.change(MINE, lambda cases: cases.without(0)), [2, 3]),
    (undone(1), [1, 2, 3]),
    (lambda own: own.keep(MINE, OwnCases.none(), own.place(MINE)), []),
    (undone(1), [1, 2, 3]),
    *((added(ink), [1, 2, 3, *range(4, ink + 1)]) for ink in range(4, 9)),
    (undone(3), [1, 2, 3, 4, 5]),
)
"""Changes, each with the pictures that there are after it."""


def inks(folder: Path) -> list[int] | str:
    try:
        return [int(ink) for ink in OwnData(folder).read(MINE).pictures[:, 0, 0]]
    except BadData as error:
        return str(error)


def recorded(root: Path) -> list[Event]:
    """All that the plan does to the disk."""
    with pytest.MonkeyPatch.context() as patch:
        recorder = Recorder(root, patch)
        for change, after in PLAN:
            change(OwnData(root / "digits"))
            recorder.done()
            assert inks(root / "digits") == after
        return recorder.events


def cut(root: Path, events: list[Event]) -> tuple[int, list[str]]:
    """How many power cuts were tried, and what was lost with them."""
    states = [[], *(after for _, after in PLAN)]
    disk, done, seen, complaints = Disk(root), 0, set[int](), []
    for number, event in enumerate(events):
        disk.see(event)
        done += event.kind == "done"
        for left in disk.left():
            key = hash((done, event.kind == "done", tuple(sorted(left.items()))))
            if key in seen:
                continue
            seen.add(key)
            put_back(left, root, root.parent / "after")
            found = inks(root.parent / "after" / "digits")
            if found not in states[done : done + 1 + (event.kind != "done")]:
                complaints.append(f"after step {number}, {event.kind} {event.site}: {found}")
    return len(seen), complaints


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_no_acknowledged_change_is_lost(root: Path, tally: Tally) -> None:
    tried, complaints = cut(root, recorded(root))
    assert complaints == []
    tally("a power cut, one's own digits", tried, tried - len(complaints))


@pytest.mark.full
def test_every_sync_is_needed(root: Path) -> None:
    events = recorded(root)
    sites = {event.site for event in events if event.site}
    functions = sorted(site.split(":")[0] for site in sites)
    assert functions == ["make_folder", "move_durably", "write_durably", "write_durably"]
    for site in sites:
        _, complaints = cut(root, [event for event in events if event.site != site])
        assert complaints, f"nothing is lost without the sync of {site}"
