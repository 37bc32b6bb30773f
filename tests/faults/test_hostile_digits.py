"""Malformed and hostile files of digits, given to the program: each is refused in one line."""

import bz2
import gzip
import lzma
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Program, Tally
from digits_helpers import BAD, HUGE, MIB, SAMPLE_DIGESTS, gzipped_zeros, header, idx
from hostile_helpers import (
    CHILDS_ENVIRONMENT,
    DIGIT_WAYS,
    answers,
    faults,
    is_one_line,
    make_folder,
    sound_digits,
)
from numpy.typing import NDArray
from registry_helpers import make_loop, make_pipe

from digitnet.digits.datasets import MNIST_DIGESTS

Files = Iterator[tuple[str, bytes]]


def bad_contents(array: NDArray[np.uint8]) -> Files:
    """Labels past 9, pictures of another size, other counts, nothing at all."""
    yield "one case fewer", idx(array[:-1])
    yield "one case more", idx(np.concatenate([array, array[:1]]))
    yield (
        "little-endian",
        b"\0\0\x08" + struct.pack(f"<B{array.ndim}I", array.ndim, *array.shape) + array.tobytes(),
    )
    if array.ndim == 1:
        for label in (10, 11, 27, 127, 128, 255):
            for place in (0, -1):
                changed = array.copy()
                changed[place] = label
                yield f"label {label} at {place}", idx(changed)
        yield "pictures", idx(np.zeros((len(array), 28, 28), np.uint8))
    else:
        for size in ((1, 1), (2, 2), (27, 28), (28, 29), (14, 56), (784, 1), (1, 784), (256, 256)):
            yield f"pictures of {size}", idx(np.zeros((len(array), *size), np.uint8))
        yield "labels", idx(array[:, 0, 0])


def other_files(array: NDArray[np.uint8]) -> Files:
    """Other ways to pack, and what is no digits at all."""
    whole = idx(array)
    packed = gzip.compress(whole, mtime=0)
    for flags in (4, 8, 16, 31, 0xE0):
        yield f"gzip, flags {flags:#x}", packed[:3] + bytes([flags]) + packed[4:]
    yield "gzip of nothing", gzip.compress(b"")
    yield "gzip, a member of nothing before", gzip.compress(b"") + packed
    yield "zlib", zlib.compress(whole)
    yield "bzip2", bz2.compress(whole)
    yield "xz", lzma.compress(whole)
    yield "a zip archive", b"PK\x03\x04" + bytes(26) + whole
    yield "a page that says no", b"<!DOCTYPE html><title>404 Not Found</title>\x1b[2J\n"
    yield "steers the terminal", b"\x1b]0;owned\x07\x1b[2J\x9b31m\n" * 9
    yield "a pickle", b"cos\nsystem\n(S'touch ran'\ntR."


def bombs(dimensions: int) -> Files:
    """Packed to a thousandth: true, false and huge headers."""
    ones = [1] * (dimensions - 1)
    for cases, true in ((1000, False), (60 * MIB, True), (60 * MIB, False), (500 * MIB, True)):
        size = cases if true else 200 * MIB
        yield (
            f"bomb of {size // MIB} MiB that claims {cases:,}",
            gzipped_zeros(header(cases, *ones), size),
        )
    for sizes in ([HUGE] * dimensions, [1 << 31, *ones], [64 * MIB + 1, *ones]):
        yield f"bomb that claims {sizes}", gzipped_zeros(header(*sizes), 200 * MIB)


def hostile_digits(stem: str) -> dict[str, bytes]:
    """Every bad file to put in the place of the one called `stem`."""
    array = sound_digits()[stem]
    known, plain = {name: content for name, (content, _) in BAD.items()}, dict(bad_contents(array))
    packed = {f"gzip, {name}": gzip.compress(data, 1) for name, data in plain.items()}
    return known | plain | packed | dict(other_files(array)) | dict(bombs(array.ndim))


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")

Share = Callable[[int, int], int]


@pytest.mark.parametrize(
    "stem",
    [pytest.param(s, marks=[pytest.mark.full] * ("train" in s)) for s in SAMPLE_DIGESTS],
)
def test_a_bad_file_is_refused_in_one_line(
    tmp_path: Path, share: Share, tally: Tally, stem: str
) -> None:
    files = dict(list(hostile_digits(stem).items())[:: share(5, 1)])
    every = [name for name, way in DIGIT_WAYS.items() if way.file == f"{stem}.gz"]
    ways = {name: DIGIT_WAYS[name] for name in every[: share(1, len(every))]}
    told = answers(tmp_path, files, ways=ways)
    found = faults(told)
    print(*(f"{key}: {fault}" for key, fault in found.items()), sep="\n")
    tally(f"bad files as {stem}", len(files) * len(ways), len(told) - len(found))


@pytest.mark.full
def test_without_the_limit_a_bomb_goes_off(tmp_path: Path) -> None:
    stem = next(iter(SAMPLE_DIGESTS))
    bomb = gzipped_zeros(header(500 * MIB, 1, 1), 500 * MIB)
    told = answers(
        tmp_path,
        {"bomb": bomb},
        without="the size unpacked",
        ways={name: way for name, way in DIGIT_WAYS.items() if way.file == f"{stem}.gz"},
    )
    assert faults(told).keys() == told.keys()


def refuses(process: Program, folder: Path, command: str, *says: str) -> bool:
    """Whether the program, in a process of its own, says so in one line and nothing else."""
    done = process("--data", str(folder), "-c", command, env={"COLUMNS": "1000"})
    line = done.stderr.removesuffix("\n")
    right = line.startswith("digitnet: ") and all(part in line for part in says)
    if not (right and is_one_line(line) and done.returncode == 1):
        print(command, done)
        return False
    return True


def make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


NO_FILES: dict[str, Callable[[Path], None]] = {
    "pipe": make_pipe,
    "folder": Path.mkdir,
    "loop": make_loop,
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a tebibyte": make_sparse,
    "memory of the process": lambda path: path.symlink_to("/proc/self/mem"),
    "something that never ends": lambda path: path.symlink_to("/dev/urandom"),
}


def test_what_is_no_file_is_refused(
    tmp_path: Path, process: Program, share: Share, tally: Tally
) -> None:
    kinds = dict(list(NO_FILES.items())[:: share(3, 1)])
    survived = 0
    for kind, make in kinds.items():
        folder = tmp_path / kind
        folder.mkdir()
        for stem in list(MNIST_DIGESTS)[1:]:
            (folder / f"{stem}.gz").write_bytes(b"?")
        make(folder / f"{next(iter(MNIST_DIGESTS))}.gz")
        survived += refuses(process, folder, "data mnist11", "train-images-idx3-ubyte")
    tally("what is no file of digits", len(kinds), survived)


def test_a_folders_name_does_not_steer_the_terminal(tmp_path: Path, process: Program) -> None:
    folder = make_folder(tmp_path / "\x1b[2J\x1b]0;owned\x07\u202e\n[red]")
    (folder / f"{next(iter(SAMPLE_DIGESTS))}.gz").write_bytes(b"?")
    assert refuses(process, folder, "data sample", r"\x1b[2J", r"\u202e\n[red]", "too short")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("", "of 1 x 1 pixels, not of 28 x 28"),
        pytest.param("datasets.PICTURE = (1, 1)", "not enough memory", marks=pytest.mark.full),
    ],
    ids=["with the check of sizes", "without"],
)
def test_small_files_of_many_dots_fill_no_memory(tmp_path: Path, change: str, says: str) -> None:
    count = 60_000_000
    for stem in SAMPLE_DIGESTS:
        head = header(count) if "labels" in stem else header(count, 1, 1)
        (tmp_path / f"{stem}.gz").write_bytes(gzipped_zeros(head, count))
    script = f"""
import resource, sys
from digitnet.cli import main
from digitnet.digits import datasets
{change}
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
sys.exit(main(["--data", ".", "-c", "data sample"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=CHILDS_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert says in done.stderr
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
