"""Malformed and hostile files of digits, given to the program: each is refused in one line."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Program, Tally
from digits_helpers import BAD, MIB, SAMPLE_DIGESTS, gzipped_zeros, header
from hostile_helpers import (
    CHILDS_ENVIRONMENT,
    DIGIT_WAYS,
    answers,
    faults,
    is_one_line,
    make_folder,
)
from registry_helpers import make_loop, make_pipe

from digitnet.digits.datasets import MNIST_DIGESTS

Files = Iterator[tuple[str, bytes]]


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")

Share = Callable[[int, int], int]


def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, share: Share, tally: Tally) -> None:
    """Of the files that unit/test_idx.py has, given to the program."""
    files = {name: bad for name, (bad, _) in [*BAD.items()][:: share(9, 1)]}
    files |= {"a page that says no": b"<!DOCTYPE html><title>404</title>\x1b[2J\n"}
    files |= {f"bomb of {n} MiB": gzipped_zeros(header(n * MIB, 1, 1), n * MIB) for n in (60, 500)}
    ways = {name: way for name, way in DIGIT_WAYS.items() if "train-images" in name}
    told = answers(tmp_path, files, ways=ways)
    found = faults(told)
    print(*(f"{key}: {fault}" for key, fault in found.items()), sep="\n")
    tally("bad files of digits", len(told), len(told) - len(found))


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
