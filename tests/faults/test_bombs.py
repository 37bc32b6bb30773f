"""Small files that claim, nest or repeat, in opcodes that saves have: each is refused, in little
time and memory.
"""

import struct
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Tally
from hostile_helpers import WAYS, answers, faults
from hostile_pickles_helpers import DOCUMENT, SAVE, value

from digitnet.registry.codec import array_document, encode, seal

MILLION = 1_000_000


def within(opcodes: bytes) -> bytes:
    """A sound save with one field more, which is a bomb."""
    return SAVE[:-2] + value("more") + opcodes + b"u."


def document(*path: str | int, **fields: Any) -> bytes:
    changed = deepcopy(DOCUMENT)
    holder: Any = changed
    for step in path:
        holder = holder[step]
    holder.update(fields)
    return encode(changed)


def floods(count: int) -> dict[str, bytes]:
    return {
        f"{name} by the million": within(start + opcode * count + end)
        for name, start, opcode, end in (
            ("None", b"](", b"N", b"e"),
            ("empty list", b"](", b"]", b"e"),
            ("empty dict", b"](", b"}", b"e"),
            ("list of one", b"](", b"](Ne", b"e"),
            ("empty string", b"](", b"X\0\0\0\0", b"e"),
            ("empty bytes", b"](", b"C\0", b"e"),
            ("64-bit number", b"](", b"\x8a\x08" + b"\x7f" * 8, b"e"),
        )
    }


def claim(opcode: bytes, form: str, length: int) -> bytes:
    """An opcode that announces so many bytes, and has few."""
    return within(opcode + struct.pack(form, length) + b"x" * 40)


W0 = ("layers", 0, "parameters", "weights")


@cache
def bombs() -> dict[str, bytes]:
    history = array_document(np.ones((MILLION, 4)))
    return {
        # claimed lengths
        **{
            f"{name} of {length:,} bytes": claim(opcode, form, length)
            for name, opcode, form, lengths in (
                ("BINUNICODE", b"X", "<I", (41, 1 << 16, 1 << 31, (1 << 32) - 1)),
                ("BINBYTES", b"B", "<I", (41, 1 << 28, 1 << 31, (1 << 32) - 1)),
                ("SHORT_BINBYTES", b"C", "<B", (255,)),
                ("LONG1", b"\x8a", "<B", (255,)),
            )
            for length in lengths
        },
        # deep nesting
        **{
            f"{name}, {depth:,} deep": within(opening * depth + b"N" + closing * depth)
            for name, opening, closing in (
                ("lists", b"](", b"e"),
                ("dicts", b"}(" + value("a"), b"u"),
                ("open lists", b"](", b""),
            )
            for depth in (17, 1000, 100_000, MILLION)
        },
        # keys
        "equal keys": within(b"}(" + (value("a") + b"N") * 90_000 + b"u"),
        "equal keys of a save": SAVE[:-2] + SAVE[4:],
        "a name twice": SAVE[:-2] + value("name") + value("y") + b"u.",
        "keys that are numbers": within(b"}(" + b"K\x01N" * 90_000 + b"u"),
        "keys that are lists": within(b"}(" + b"]N" * 90_000 + b"u"),
        # opcodes by the million
        **floods(MILLION),
        "None by the million, in lists": within(b"](" + (b"](" + b"N" * 90_000 + b"e") * 30 + b"e"),
        # sound opcodes that say too much
        "a history of a million points": document(history=history),
        "a shape of 90,000 dimensions": document(
            "history", shape=[(1 << 31) - 1] * 90_000
        ),
        "weights of 2^60": document(*W0, shape=[1 << 30, 1 << 30], data=b""),
        "no weights of many": document(*W0, shape=[0, (1 << 31) - 1], data=b""),
        "many layers that are none": document(layers=[{}] * 90_000),
        "90,000 data sets": document(trained_on=["\n"] * 90_000),
        "a name of 60,000 letters": document(name="x" * 60_000),
        "a name that grows": document(name="\ufdfa" * 200),
        "a name of many accents": document(name="a" + "\u0301" * 199),
        "a schedule of 60,000 digits": document(
            "settings", schedule="cosine " + "9" * 60_000 + "e"
        ),
        "a rate of 2^62": document("settings", rate=-(1 << 62)),
        "a seed of 2^63": document(seed=(1 << 63) - 1),
        "90,000 settings": document(settings={f"{k}": 0 for k in range(90_000)}),
    }  # fmt: skip


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")


def sealed(*names: str) -> dict[str, bytes]:
    return {name: seal(bombs()[name]) for name in names or bombs()}


def test_no_bomb_goes_off(tmp_path: Path, share: Callable[[int, int], int], tally: Tally) -> None:
    ways = dict(list(WAYS.items())[: share(1, len(WAYS))])
    files = sealed()
    told = answers(tmp_path, files, ways=ways)
    found = faults(told)
    print(*(f"{key}: {fault}" for key, fault in found.items()), sep="\n")
    tally("bombs, each way in", len(files) * len(ways), len(told) - len(found))


WITHOUT = {
    "the reader": [
        "BINBYTES of 4,294,967,295 bytes",
        "equal keys of a save",
        "dicts, 1,000,000 deep",
    ],
    "the lengths": ["BINBYTES of 4,294,967,295 bytes", "BINBYTES of 2,147,483,648 bytes"],
    "the keys": ["equal keys of a save"],
    "registry.codec.MAX_DEPTH": ["lists, 100,000 deep", "dicts, 1,000 deep"],
    "registry.codec.MAX_VALUES": ["None by the million, in lists"],
    "registry.schema.MAX_MEASUREMENTS": ["a history of a million points"],
}
"""A protection, and bombs that go off without it."""


@pytest.mark.full
@pytest.mark.parametrize("protection", WITHOUT)
def test_without_its_protection_a_bomb_goes_off(tmp_path: Path, protection: str) -> None:
    files = sealed(*WITHOUT[protection])
    told = answers(tmp_path, files, without=protection, ways={"l": WAYS["l"]})
    assert {name for name, _ in faults(told)} == set(files)
