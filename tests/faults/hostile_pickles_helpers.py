"""Pickles that would do something to whoever reads them with `pickle`: one for each opcode by which
one can, as unit/test_codec.py has every other opcode refused.
"""

import pickle
import pickletools
from typing import Any

import numpy as np
from registry_helpers import plain

from digitnet.registry.codec import encode, seal
from digitnet.registry.schema import to_document

MARKER = "ran"
SHELL = f"touch {MARKER}"
PROTO = b"\x80\x03"


def value(thing: Any) -> bytes:
    """The opcodes of a plain value."""
    return pickletools.optimize(pickle.dumps(thing, 3))[2:-1]


NAMED, POPEN = value("os") + value("system") + b"\x93", b"csubprocess\nPopen\n"
TOUCH = value(["touch", MARKER])
ATTACK = b"cos\nsystem\n" + value((SHELL,)) + b"R"
VALUES: dict[str, bytes] = {
    "GLOBAL and REDUCE": ATTACK,
    "GLOBAL alone": b"cos\nsystem\n",
    "STACK_GLOBAL": NAMED + value((SHELL,)) + b"R",
    "INST": b"(" + value(SHELL) + b"ios\nsystem\n",
    "OBJ": b"(" + POPEN + TOUCH + b"o",
    "NEWOBJ": POPEN + value((["touch", MARKER],)) + b"\x81",
    "NEWOBJ_EX": b"cbuiltins\nbytearray\n" + value((9,)) + b"}\x92",
    "BUILD": b"cthreading\nThread\n)R" + value({"_target": 1}) + b"b",
    "a numpy dtype": pickle.dumps(np.dtype("f8,O"), 3)[2:-1],
}
INERT: dict[str, bytes] = {
    "EXT1": b"\x82\x01",
    "PERSID": f"P{SHELL}\n".encode(),
    "BINPERSID": value(SHELL) + b"Q",
    "NEXT_BUFFER": b"\x97",
    "memo of itself": b"]q\x00h\x00a",
    "name of 100,000 letters": b"c" + b"a" * 100_000 + b"\nb\n",
}
"""What pickle's own reader refuses or finds harmless, where nobody has taught it to do more."""


class Attack:
    """What `pickle` itself writes for something that wants to be called."""

    def __reduce__(self) -> Any:
        return (__import__("os").system, (SHELL,))


WHOLE: dict[str, bytes] = {
    f"{name}, protocol {number}": pickle.dumps(thing, number)
    for name, thing in {"an attack": Attack(), "in a dict": {"name": Attack()},
                        "in an array": np.array([Attack()], dtype=object)}.items()
    for number in range(pickle.HIGHEST_PROTOCOL + 1)
}  # fmt: skip
"""Whole pickles that run something."""

DOCUMENT = to_document(plain(), "x")
SAVE = encode(DOCUMENT)

AFTER: dict[str, bytes] = {
    "after STOP, a call": SAVE + ATTACK + b".",
    "after STOP, a byte": SAVE + b"\0",
    "before PROTO, a call": ATTACK + b"0" + SAVE,
    "before STOP, a call": SAVE[:-1] + ATTACK + b"0.",
    "protocol 4": b"\x80\x04" + SAVE[2:],
    "memoised, as pickle writes it": pickle.dumps(DOCUMENT, 3),
}
"""Sound saves with something around them that no save has."""


def poisoned(field: str) -> bytes:
    head = b"".join(value(name) + value(DOCUMENT[name]) for name in DOCUMENT if name != field)
    return PROTO + b"}(" + head + value(field) + ATTACK + b"u."


TECHNIQUES: dict[str, bytes] = {
    **{name: PROTO + opcodes + b"." for name, opcodes in (VALUES | INERT).items()},
    **WHOLE,
    **AFTER,
    **{f"in the field {field}": poisoned(field) for field in DOCUMENT},
}
"""Every hostile pickle, bare."""


def hostile_files() -> dict[str, bytes]:
    """Every hostile pickle: bare, and under a valid footer."""
    return TECHNIQUES | {f"{name}, sealed": seal(data) for name, data in TECHNIQUES.items()}
