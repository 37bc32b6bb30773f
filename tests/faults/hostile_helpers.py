"""Gives hostile files to the program, in a child that is watched, and judges what it answers."""

import gzip
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from digits_helpers import SAMPLE_DIGESTS, idx
from numpy.typing import NDArray
from registry_helpers import plain

from digitnet.registry import saves as store
from digitnet.registry.saves import Entry, Registry, write_list

CHILD = Path(__file__).with_name("hostile_child_helpers.py")
CHILDS_ENVIRONMENT = os.environ | {
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(sys.path),
}


@dataclass
class Answer:
    """What the program did: did, the watched events that came up; left, files that it made."""

    code: int | None = None
    out: str = ""
    err: str = ""
    seconds: float = 0.0
    did: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Way:
    """A way for a file into the program: what it is called, the command, what is a refusal.

    SAVES in the command stands for the folder of saves. wrap: what is made of the file before.
    seconds, mebibytes: what a hostile file may cost, in time of the processor, and in address space
    more than before (to which the program has about 100 already).
    """

    file: str
    command: str
    is_refused: Callable[[Answer], bool]
    wrap: Callable[[bytes], bytes] = bytes
    seconds: float = 0.5
    mebibytes: int = 200

    def command_for(self, saves: Path) -> str:
        return self.command.replace("SAVES", str(saves))


def is_one_line(text: str) -> bool:
    return text.isprintable() and 0 < len(text) < 700


REFUSAL = re.compile("digitnet: ('[^']*'|there is no unfinished training; .*[.]pickle) cannot be ")


def _says_so(answer: Answer) -> bool:
    """One line on standard error, the command has failed."""
    line = answer.err.removesuffix("\n")
    right = REFUSAL.match(line) and "should not have" not in line and is_one_line(line)
    return answer.code == 1 and bool(right) and not json.loads(answer.out)["ok"]


def _listed(answer: Answer) -> dict[str, str | None]:
    if (answer.code, answer.err) != (0, ""):
        return {}
    own = [n for n in json.loads(answer.out)["networks"] if not n["included"]]
    return {network["name"]: network["damaged"] for network in own}


def _lists_it_as_damaged(answer: Answer) -> bool:
    listed = _listed(answer)
    reason = listed.pop("x", None)
    return reason is not None and is_one_line(reason) and listed == {"sound": None}


def in_an_npz(data: bytes) -> bytes:
    """A file that numpy could have written, of an array of objects: numpy pickles these."""
    file, header = BytesIO(), BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": (1, 1)}
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("layers.0.weights.npy", header.getvalue() + data)
    return file.getvalue()


FILE = "0123456789abcdef.pickle"
WAYS = {
    "l": Way(FILE, "l x", _says_so),
    "ls": Way(FILE, "ls", _lists_it_as_damaged),
    "the list": Way("registry.pickle", "ls", lambda answer: _listed(answer) == {"sound": None}),
    "recover": Way(".recovery/1-0123abcd.pickle", "recover", _says_so),
    "import, as .npz": Way("x.npz", "import 'SAVES/x.npz'", _says_so),
    "import, in an .npz": Way("x.npz", "import 'SAVES/x.npz'", _says_so, in_an_npz),
}
"""The ways for a pickle."""


def _names_it(answer: Answer) -> bool:
    """One line on standard error, with the file's name, and nothing was used."""
    line, told = answer.err.removesuffix("\n"), answer.out.splitlines()
    right = line.startswith("digitnet: ") and any(f"{stem}.gz: " in line for stem in SAMPLE_DIGESTS)
    return answer.code == 1 and right and is_one_line(line) and not json.loads(told[-1])["ok"]


DIGIT_WAYS = {
    f"{command}, {stem}": Way(f"{stem}.gz", command, _names_it, seconds=5, mebibytes=400)
    for stem in SAMPLE_DIGESTS
    for command in ("data sample", "data sample11", "n; ch 1")
}
"""The ways for a file of digits."""
ALL_WAYS = WAYS | DIGIT_WAYS


def make_folder(folder: Path) -> Path:
    """A folder with one sound save, called `sound`, sound digits, and a list that calls FILE x."""
    Registry(folder).save(plain(), "sound")
    write_list(folder, [Entry("x", FILE, saved_at="2026-01-01T00:00:00+00:00")])
    store._known.cache_clear()
    (folder / ".recovery").mkdir()
    for stem, array in sound_digits().items():
        (folder / f"{stem}.gz").write_bytes(gzip.compress(idx(array), 1))
    return folder


def sound_digits() -> dict[str, NDArray[np.uint8]]:
    return {
        stem: (np.arange(503 if "train" in stem else 2) % 10).astype(np.uint8)
        if "labels" in stem
        else np.full((503 if "train" in stem else 2, 28, 28), 7, np.uint8)
        for stem in SAMPLE_DIGESTS
    }


def answers(
    folder: Path, files: Mapping[str, bytes], without: str = "", ways: Mapping[str, Way] = WAYS
) -> dict[tuple[str, str], Answer]:
    """What the program answers to each file on each way, `without` one of its protections."""
    cases, saves = folder / "cases", make_folder(folder / "saves")
    cases.mkdir()
    for number, content in enumerate(files.values()):
        (cases / f"{number:05}").write_bytes(content)
    todo = [(name, way) for name in files for way in ways]
    found: dict[tuple[str, str], Answer] = {}
    while todo:
        child = subprocess.run(
            [sys.executable, CHILD, saves, cases, without, "|".join(ways), str(len(found))],
            capture_output=True,
            check=False,
            timeout=300,
            env=CHILDS_ENVIRONMENT,
        )
        lines = [json.loads(line) for line in child.stdout.splitlines()]
        assert lines, child.stderr.decode()[-2000:]  # it did not even begin
        told = [Answer(**line) for line in lines if line]
        if len(told) < len(todo):  # it fell over the next one
            told.append(Answer(did=[f"crashed with {child.returncode}"]))
        found |= zip(todo, told, strict=False)
        del todo[: len(told)]
    return found


def faults_of(answer: Answer, way: Way) -> str:
    """What is wrong with an answer to a hostile file, empty if nothing is."""
    if answer.did:
        return f"did {answer.did[0]}"
    if answer.left:
        return f"left {answer.left}"
    if answer.seconds >= way.seconds:
        return f"took {answer.seconds:.2f} s"
    try:
        return "" if way.is_refused(answer) else f"answered {answer.err[:200] or answer.out[:200]}"
    except (KeyError, ValueError) as error:
        return f"answered {answer.out[:100]!r} ({error!r})"


def faults(told: Mapping[tuple[str, str], Answer]) -> dict[tuple[str, str], str]:
    """What is wrong with each answer with which something is."""
    found: dict[Any, str] = {
        key: faults_of(answer, ALL_WAYS[key[1]]) for key, answer in told.items()
    }
    return {key: fault for key, fault in found.items() if fault}
