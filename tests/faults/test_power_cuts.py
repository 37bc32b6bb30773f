"""Power cuts at every step: whatever unsynced data is forgotten, no acknowledged save is lost."""

import errno
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from conftest import Tally
from crash_helpers import Change, Model, complaint, make
from power_helpers import Disk, Event, Recorder, put_back
from registry_helpers import failure

from digitnet.registry import store as registry_module
from digitnet.registry.saves import Registry

PLAN: tuple[Change, ...] = (
    *(("save", "a", 1), ("save", "a", 2), ("save", "b", 3), ("delete", "b"), ("undo",)),
    *(("save", "b", 4), ("undo",), ("rename", "a", "c"), ("delete", "c"), ("undo",)),
    *(("rename", "c", "a"), ("undo",), ("rename", "c", "a"), ("save", "c", 10), ("undo",)),
    *(("add", 11), ("add", 12), ("undo",), ("add", 13), ("delete", "b"), ("undo",)),
    *(("save", "b", 5), ("save", "b", 6), ("save", "b", 7), ("save", "b", 8), ("save", "b", 9)),
)


Patch = Callable[[pytest.MonkeyPatch], None]
DISKS: dict[str, Patch] = {
    "as usual": lambda patch: None,
    "without links": lambda patch: patch.setattr(os, "link", no_links),
    "without a list": lambda patch: patch.setattr(registry_module, "write_list", lambda *_: None),
}


def no_links(*_: object) -> None:
    """As on a file system without hard links."""
    raise failure(errno.EPERM)


def record(root: Path, plan: Sequence[Change], disk: str = "as usual") -> list[Event]:
    """All that these changes do to the disk."""
    with pytest.MonkeyPatch.context() as patch:
        DISKS[disk](patch)
        recorder = Recorder(root, patch)
        for change in plan:
            make(Registry(root / "saves"), change)
            recorder.done()
        return recorder.events


def cut(
    root: Path, plan: Sequence[Change], events: list[Event], *, patient: bool = True
) -> tuple[int, list[str]]:
    """How many power cuts were tried, and what was lost with them."""
    models = [Model({})]
    for change in plan:
        models.append(models[-1].after(change))
    disk, done = Disk(root), 0
    seen: set[int] = set()
    complaints: list[str] = []
    for number, event in enumerate(events):
        disk.see(event)
        done += event.kind == "done"
        for left in disk.left():
            key = hash(
                (done, event.kind == "done", tuple(sorted(left.items(), key=lambda item: item[0])))
            )
            if key in seen:
                continue
            seen.add(key)
            put_back(left, root, root.parent / "after")
            change = None if event.kind == "done" else plan[done]
            if wrong := complaint(root.parent / "after" / "saves", models[done], change):
                complaints.append(f"after step {number}, {event.kind} {event.site}: {wrong}")
                if not patient:
                    return len(seen), complaints
    return len(seen), complaints


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What is there before anything is saved."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("disk", DISKS)
def test_no_acknowledged_save_is_lost(root: Path, tally: Tally, disk: str) -> None:
    tried, complaints = cut(root, PLAN, record(root, PLAN, disk))
    assert complaints == []
    tally(f"a power cut, {disk}", tried, tried - len(complaints))


def test_nor_with_other_changes(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    tried, complaints = 0, []
    for seed in range(share(2, 60)):
        rng, model, plan = random.Random(seed), Model({}), []
        for version in range(1, 16):
            plan.append(model.possible(rng, version))
            model = model.after(plan[-1])
        root = tmp_path / f"{seed}" / "root"
        root.mkdir(parents=True)
        count, wrong = cut(root, plan, record(root, plan))
        tried, complaints = tried + count, complaints + wrong
    assert complaints == []
    tally("a power cut, random changes", tried, tried - len(complaints))


@pytest.mark.full
def test_every_sync_is_needed(root: Path) -> None:
    events = record(root, PLAN, "without a list")  # which syncs the folder again
    sites = {event.site for event in events if event.site}
    functions = sorted(site.split(":")[0] for site in sites)
    assert functions == [
        *("keep_durably", "make_folder", "move_durably", "move_durably"),
        *("write_durably", "write_durably"),
    ]
    for site in sites:
        without = [event for event in events if event.site != site]
        _, complaints = cut(root, PLAN, without, patient=False)
        assert complaints, f"nothing is lost without the sync of {site}"
