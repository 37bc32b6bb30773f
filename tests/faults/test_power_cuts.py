"""Power cuts and kills at every step: whatever unsynced data is forgotten, no acknowledged save is
lost.
"""

import errno
import itertools
import os
import random
import shutil
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import Tally
from crash_helpers import Change, Model, complaint, make
from registry_helpers import failure

from digitnet.registry import files
from digitnet.registry import saves as registry_module
from digitnet.registry.saves import Registry

FOLDER = -1
MOST_STEPS = 5  # of which every combination is tried
Half = tuple[Path, str, int | None]
"""In a folder, this name is that file's (by its number) from now on, or no file's."""
Spoil = Callable[[bytes, bytes], bytes]


@dataclass(frozen=True)
class Event:
    """What was done. kind: names, moved (a folder), content, sync or done. site: who synced, as
    `function:line`.
    """

    kind: str
    halves: tuple[Half, ...] = ()
    file: int = 0
    content: bytes = b""
    folder: Path | None = None
    site: str = ""


class Recorder:
    """What digitnet does to the disk under `root`, in order."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.events: list[Event] = []
        self.folders = [root]
        self.numbers: dict[int, int] = {}  # of files, by their inodes, which are used again
        self.paths: dict[int, Path] = {}
        patch.setattr(Path, "open", self.opening(Path.open))
        for name in ("fsync", "replace", "link", "unlink", "mkdir"):
            patch.setattr(os, name, self.recorded(getattr(os, name), getattr(self, name)))

    def recorded(self, real: Callable[..., Any], record: Callable[..., None]) -> Callable[..., Any]:
        """The call, which is recorded once it was made."""

        def call(*args: Any, **how: Any) -> Any:
            number = 0
            if isinstance(args[0], Path) and args[0].is_file():
                number = self.numbers[args[0].stat().st_ino]
            result = real(*args, **how)
            if "dir_fd" not in how:  # rmtree, of what is no longer needed
                record(number, *args)
            return result

        return call

    def done(self) -> None:
        self.events.append(Event("done"))

    def opening(self, real: Callable[..., Any]) -> Callable[..., Any]:
        """The call that opens files, of which those that it makes are recorded."""

        def call(path: Path, *how: Any, **more: Any) -> Any:
            file = real(path, *how, **more)
            if how[:1] == ("xb",):
                number = len(self.paths) + 1
                self.numbers[os.fstat(file.fileno()).st_ino] = number
                self.paths[number] = path
                self.names((path.parent, path.name, number))
            return file

        return call

    def names(self, *halves: Half) -> None:
        self.events.append(Event("names", halves))

    def content(self, number: int, path: Path) -> None:
        self.events.append(Event("content", file=number, content=path.read_bytes()))

    def fsync(self, _: int, descriptor: int) -> None:
        status = os.fstat(descriptor)
        site = caller()
        if stat.S_ISDIR(status.st_mode):
            here = (f for f in self.folders if f.exists())
            (folder,) = (f for f in here if os.path.samestat(f.stat(), status))
            self.events.append(Event("sync", folder=folder, site=site))
        else:
            number = self.numbers[status.st_ino]
            self.content(number, self.paths[number])
            self.events.append(Event("sync", file=number, site=site))

    def replace(self, number: int, path: Path, other: Path) -> None:
        if other.is_dir():
            self.folders.append(other)
            halves = (other.parent, other.name, FOLDER), (path.parent, path.name, None)
            self.events.append(Event("moved", halves, folder=path))
            return
        self.content(number, other)
        self.paths[number] = other
        self.names((other.parent, other.name, number), (path.parent, path.name, None))

    def link(self, number: int, path: Path, other: Path) -> None:
        self.names((other.parent, other.name, number))

    def unlink(self, _: int, path: Path) -> None:
        self.names((path.parent, path.name, None))

    def mkdir(self, _: int, path: Path, *mode: Any) -> None:
        self.folders.append(path)
        self.names((path.parent, path.name, FOLDER))


def caller() -> str:
    """Who asked for a sync, in files.py."""
    frame = sys._getframe()
    while frame.f_code.co_filename != files.__file__ or "sync_folder" in frame.f_code.co_name:
        assert frame.f_back
        frame = frame.f_back
    return f"{frame.f_code.co_name}:{frame.f_lineno}"


@dataclass
class Disk:
    """What is on the disk for certain, and the steps that are not."""

    root: Path
    names: dict[Path, dict[str, int]] = field(default_factory=dict)
    steps: list[list[Half]] = field(default_factory=list)
    content: dict[int, bytes] = field(default_factory=dict)
    synced: dict[int, bytes] = field(default_factory=dict)

    def see(self, event: Event) -> None:
        if event.kind == "moved" and event.folder is not None:
            to = event.halves[0][0] / event.halves[0][1]
            self.names[to] = dict(self.names.get(event.folder, {}))
            for step in self.steps:
                step += [(to, name, n) for folder, name, n in step if folder == event.folder]
        if event.kind in ("names", "moved"):
            self.steps.append(list(event.halves))
        elif event.kind == "content":
            self.content[event.file] = event.content
        elif event.kind == "sync" and event.folder is None:
            self.synced[event.file] = self.content[event.file]
        elif event.kind == "sync":
            for step in self.steps:
                for half in [half for half in step if half[0] == event.folder]:
                    apply(half, self.names)
                    step.remove(half)
            self.steps = [step for step in self.steps if step]

    def left(self) -> Iterator[dict[Path, bytes | int]]:
        """What a power cut may leave: each path with its content, or FOLDER."""
        count = len(self.steps)  # the oldest of many have surely happened
        every = itertools.product((False, True), repeat=min(count, MOST_STEPS))
        for chosen in every:
            names = {folder: dict(inside) for folder, inside in self.names.items()}
            certain = (True,) * (count - len(chosen))
            for step, happened in zip(self.steps, certain + chosen, strict=True):
                for half in step if happened else ():
                    apply(half, names)
            for spoil in SPOILS:
                yield dict(self.tree(self.root, names, spoil))

    def tree(
        self, folder: Path, names: dict[Path, dict[str, int]], spoil: Spoil
    ) -> Iterator[tuple[Path, bytes | int]]:
        for name, number in names.get(folder, {}).items():
            path = folder / name
            if number == FOLDER:
                yield path, FOLDER
                yield from self.tree(path, names, spoil)
            else:
                synced, content = self.synced.get(number, b""), self.content.get(number, b"")
                yield path, content if synced == content else spoil(synced, content)


SPOILS: tuple[Spoil, ...] = (
    lambda synced, content: synced,
    lambda synced, content: content,  # with all steps made, that is what a kill leaves
    lambda synced, content: content[: len(content) // 2],
    lambda synced, content: bytes(len(content)),
)


def apply(half: Half, names: dict[Path, dict[str, int]]) -> None:
    folder, name, number = half
    if number is None:
        names.setdefault(folder, {}).pop(name, None)
    else:
        names.setdefault(folder, {})[name] = number


def put_back(left: dict[Path, bytes | int], root: Path, to: Path) -> None:
    """Makes under `to` what was left under `root`."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    for path, content in left.items():
        copy = to / path.relative_to(root)
        if isinstance(content, bytes):
            copy.write_bytes(content)
        else:
            copy.mkdir()


PLAN: tuple[Change, ...] = (
    *(("save", "a", 1), ("save", "a", 2), ("save", "a", 3), ("save", "b", 4), ("delete", "b")),
    *(("undo",), ("save", "b", 5), ("undo",), ("rename", "a", "c"), ("delete", "c"), ("undo",)),
    *(("rename", "c", "a"), ("undo",), ("rename", "c", "a"), ("save", "c", 6), ("undo",)),
    *(("add", 7), ("add", 8), ("undo",), ("add", 9), ("delete", "b"), ("undo",)),
    *(("delete", "b"), ("save", "b", 10), ("undo",)),
    *(
        ("save", "b", 11),
        ("save", "b", 12),
        ("save", "b", 13),
        ("save", "b", 14),
        ("save", "b", 15),
    ),
)


Patch = Callable[[pytest.MonkeyPatch], None]
DISKS: dict[str, Patch] = {
    "as usual": lambda patch: None,
    "without links": lambda patch: patch.setattr(os, "link", no_links),
    "without a list": lambda patch: patch.setattr(registry_module, "write_list", lambda *_: None),
}


def no_links(*_: object) -> None:
    raise failure(errno.EPERM)


def record(root: Path, plan: Sequence[Change], disk: str = "as usual") -> list[Event]:
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
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "disk", [pytest.param(d, marks=[pytest.mark.full] * (d != "as usual")) for d in DISKS]
)
def test_no_acknowledged_save_is_lost(root: Path, tally: Tally, disk: str) -> None:
    tried, complaints = cut(root, PLAN, record(root, PLAN, disk))
    assert complaints == []
    tally(f"a power cut or a kill, {disk}", tried, tried - len(complaints))


@pytest.mark.full
def test_nor_with_other_changes(tmp_path: Path, tally: Tally) -> None:
    tried, complaints = 0, []
    for seed in range(60):
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
