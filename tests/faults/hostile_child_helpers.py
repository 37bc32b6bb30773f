"""The watched child: does a command over each hostile file, and tells what came of it.

Called with the folder of saves, that of the hostile files, the protection to do without, the ways
into the program, and how many cases to skip. It prints an empty object when it is ready, and then
an object for each case.
"""

import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
from hostile_helpers import ALL_WAYS, Answer, Way

from digitnet.cli import main
from digitnet.digits import files as digits_files
from digitnet.registry import codec, exchange
from digitnet.registry import saves as store
from digitnet.registry.codec import seal

WATCHED = (
    *("pickle.", "exec", "compile", "import", "marshal.", "code.", "ctypes.", "socket."),
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "pty.", "subprocess."),
    *("os.remove", "os.rename", "os.putenv", "os.kill", "shutil.", "tempfile.", "sqlite3."),
)
"""How events begin that no hostile file may bring up."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Watch:
    """An audit hook: remembers forbidden events, and stops them."""

    def __init__(self, folder: Path) -> None:
        """Files may be opened for writing in `folder` only. It looks away until `on` is set."""
        self.folder, self.on = f"{folder.resolve()}{os.sep}", False
        self.did: list[str] = []
        sys.addaudithook(self)

    def __call__(self, event: str, given: tuple[Any, ...]) -> None:
        if self.on and (event.startswith(WATCHED) or (event == "open" and self.is_outside(*given))):
            self.did.append(f"{event} {given!r:.80}")
            raise RuntimeError(f"{event} is not allowed")

    def is_outside(self, path: Any, mode: str | None, flags: int) -> bool:
        return bool(flags & WRITING) and not os.path.abspath(path).startswith(self.folder)  # noqa: PTH100


def replace_all(name: str, function: Callable[..., Any]) -> None:
    """Puts a function in place of the registry's, wherever that was imported."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("digitnet.registry") and hasattr(module, name):
            setattr(module, name, function)


def read_trustingly(data: bytes, *_: Any) -> Any:
    found = np.load(BytesIO(data), allow_pickle=True)
    return "", dict(found)


def remove(protection: str) -> None:
    """Does without a protection, as if nobody had thought of it."""
    if protection == "the reader":
        replace_all("decode", lambda data, most_values=0: pickle.loads(data))
        replace_all("unseal", lambda data: data)
        exchange.READERS["npz"] = read_trustingly
    elif protection == "the lengths":

        def take(reader: Any, count: int) -> bytes:
            room = bytearray(count)
            found = reader.data[reader.at : reader.at + count]
            reader.at += count
            room[: len(found)] = found
            return bytes(room)

        codec._Reader.take = take  # type: ignore[method-assign]
    elif protection == "the keys":

        def pairs(reader: Any, depth: int) -> dict[Any, Any]:
            result = {}
            if reader.next_is(codec.MARK):
                while not reader.next_is(codec.SETITEMS):
                    key = reader.value(depth)
                    result[key] = reader.value(depth)
            return result

        codec._Reader.pairs = pairs  # type: ignore[method-assign]
    elif protection == "the size unpacked":
        real = digits_files._unpack
        digits_files._unpack = lambda packed, dimensions, _: real(packed, dimensions, 1 << 62)
    else:
        for bound in protection.split():
            module, _, name = bound.rpartition(".")
            setattr(sys.modules[f"digitnet.{module}"], name, 1 << 62)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def answer_to(data: bytes, way: Way, saves: Path, watch: Watch, *, on: bool = True) -> Answer:
    """What the program answers to a file, which then is gone again, and the one before back."""
    answer, out, err = Answer(), StringIO(), StringIO()
    before = names_in(saves)
    file = saves / way.file
    kept = file.read_bytes() if file.exists() else None
    file.write_bytes(way.wrap(data))
    store._known.cache_clear()  # so that the list is read, as by a program that starts
    begun, watch.did, watch.on = time.process_time(), answer.did, on
    folders = ["--saves", str(saves), "--data", str(saves)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            answer.code = main(["--json", "--yes", *folders, "-c", way.command_for(saves)])
    except BaseException as error:
        answer.did.append(f"{type(error).__name__}: {error!s:.200}")
    finally:
        watch.on = False
    answer.seconds = time.process_time() - begun
    file.unlink()
    if kept is not None:
        file.write_bytes(kept)
    answer.out, answer.err = out.getvalue(), err.getvalue()
    answer.left = sorted(names_in(saves) - before)
    return answer


def cases(folder: Path, ways: list[Way]) -> Iterator[tuple[bytes, Way]]:
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for way in ways:
            yield data, way


def work(saves: Path, folder: Path, without: str, ways: list[Way], skip: int) -> None:
    """Everything, in this process. What is imported late is imported before the watch begins."""
    watch = Watch(saves)
    for way in ways:
        for data in (seal(b"nonsense"), seal(codec.encode({}))):
            answer_to(data, way, saves, watch, on=False)
    remove(without)
    os.chdir(saves)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    most = used + (max(way.mebibytes for way in ways) << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    print("{}", flush=True)
    for number, (data, way) in enumerate(cases(folder, ways)):
        if number >= skip:
            answer = answer_to(data, way, saves, watch)
            if answer.seconds >= way.seconds:  # a busy machine is slow once, a bomb always
                again = answer_to(data, way, saves, watch)
                answer.seconds = min(answer.seconds, again.seconds)
            print(json.dumps(vars(answer)), flush=True)


if __name__ == "__main__":
    work(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        sys.argv[3],
        [ALL_WAYS[name] for name in sys.argv[4].split("|")],
        int(sys.argv[5]),
    )
