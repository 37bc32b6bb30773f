"""Saves as bytes: what is written comes back, and nothing else is read."""

import pickle
import pickletools
import struct
from collections import OrderedDict
from hashlib import sha256
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitnet.registry.codec import (
    FOOTER_BYTES,
    MAGIC,
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_STRING,
    VERSION,
    decode,
    encode,
    seal,
    unseal,
)
from digitnet.registry.files import DamagedSave

PROTOCOL = b"\x80\x03"
OPCODES = {
    *("PROTO", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1"),
    *("BINFLOAT", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES"),
    *("EMPTY_LIST", "EMPTY_DICT", "MARK", "APPENDS", "SETITEMS"),
}
VALUE_OPCODES = b"N\x88\x89JKM\x8aGXCB]}"  # those that begin a value
SAMPLE = {
    "none": None,
    "flags": [True, False],
    "numbers": [0, 255, 256, 65_535, 65_536, -1, 1 << 31, -(1 << 63), 0.5],
    "text": "größer 数字 🦆",
    "bytes": [b"", b"short", bytes(300)],
    "empty": [[], {}],
}
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=300)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
documents = st.dictionaries(st.text(max_size=9), values, max_size=5)


def nested(levels: int) -> Any:
    """A dict in which lists are nested, so many levels in all."""
    value: Any = []
    for _ in range(levels - 2):
        value = [value]
    return {"a": value}


@settings(deadline=None, max_examples=30)
@given(documents)
def test_what_is_encoded_comes_back_and_is_what_any_python_reads(document: Any) -> None:
    data = encode(document)
    assert repr(decode(data)) == repr(document)  # repr tells True from 1, -0.0 from 0.0, and NaN
    assert repr(pickle.loads(data)) == repr(document)
    assert {opcode.name for opcode, _, _ in pickletools.genops(data)} <= OPCODES


EDGES: dict[str, Any] = {
    **{
        f"{bits} bits": [
            n
            for n in (sign * ((1 << bits) + off) for sign in (1, -1) for off in (-1, 0, 1))
            if -(1 << 63) <= n < 1 << 63
        ]
        for bits in (8, 16, 31, 32, 63)
    },
    **{f"{length:,} bytes": b"x" * length for length in (0, 1, 255, 256, 70_000)},
    "the longest string": "x" * MAX_STRING,
    "the longest list": [None] * MAX_ITEMS,
    "the most levels": nested(MAX_DEPTH)["a"],
}


@pytest.mark.parametrize("value", EDGES.values(), ids=EDGES)
def test_what_is_at_a_bound_comes_back(value: Any) -> None:
    data = encode({"a": value})
    assert decode(data) == {"a": value} == pickle.loads(data)


def test_a_pickle_has_the_eighteen_opcodes_and_no_memo() -> None:
    assert len(OPCODES) == 18
    assert {opcode.name for opcode, _, _ in pickletools.genops(encode(SAMPLE))} == OPCODES


itself: dict[str, Any] = {}
itself["self"] = itself
NOT_WRITTEN: list[Any] = [
    *([np.float32(1)], [np.int64(1)], [np.uint8(1)], [np.bool_(True)], [np.zeros(2)]),
    *([(1, 2)], [{1, 2}], [frozenset()], [bytearray(b"x")], [memoryview(b"x")], [1j], [object()]),
    *([int], [{1: "number as key"}], [{b"a": 1}], [{None: 1}], [{("a",): 1}]),
    *(1 << 63, -(1 << 63) - 1, 1 << 999, "\ud800", itself, nested(MAX_DEPTH + 1)["a"]),
]


@pytest.mark.parametrize("value", NOT_WRITTEN, ids=lambda value: type(value).__name__)
def test_what_no_document_holds_is_not_written(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"a": value})


@pytest.mark.parametrize(
    "value", [np.float64(0.1), np.str_("a"), np.bytes_(b"a"), OrderedDict(b=1)], ids=repr
)
def test_what_is_a_plain_value_with_a_fancy_type_is_written_as_the_plain_value(value: Any) -> None:
    back = decode(encode({"a": value}))["a"]
    assert back == value
    assert type(back) in (float, str, bytes, dict)


# reading


def text(string: str | bytes) -> bytes:
    raw = string.encode() if isinstance(string, str) else string
    return b"X" + struct.pack("<I", len(raw)) + raw


def document_with(value: bytes) -> bytes:
    """A pickle of {"a": value} that is sound but for the value."""
    return PROTOCOL + b"}(" + text("a") + value + b"u."


def decoded_or_refused(data: bytes) -> None:
    """Asserts that the data is refused, or is what any Python would read from it."""
    try:
        document = decode(data)
    except DamagedSave:
        return
    assert repr(pickle.loads(data)) == repr(document)


def test_no_byte_but_the_thirteen_begins_a_value() -> None:
    for code in set(range(256)) - set(VALUE_OPCODES):
        with pytest.raises(DamagedSave, match=f"opcode 0x{code:02x}, which no save uses"):
            decode(document_with(bytes([code]) + bytes(16)))
        for before in (b"N", b"]", text("x")):  # where `pickle` would have something to do it to
            with pytest.raises(DamagedSave):
                decode(document_with(before + bytes([code])))


NOT_READ: list[tuple[bytes, str]] = [
    (b"", "more bytes than it has"),
    (b"\x80", "more bytes than it has"),
    (PROTOCOL, "more bytes than it has"),
    (PROTOCOL + b".", "opcode 0x2e"),
    (PROTOCOL + b"}}", "does not end where"),
    (PROTOCOL + b"}.\x00", "does not end where"),
    (PROTOCOL + b"}." + PROTOCOL + b"}.", "does not end where"),
    (PROTOCOL + b"].", "outermost value is not a dict"),
    (PROTOCOL + text("a") + b".", "outermost value is not a dict"),
    *((bytes([0x80, n]) + b"}.", "not begin as a pickle of protocol 3") for n in (0, 2, 4, 5)),
    (b"}.", "not begin as a pickle of protocol 3"),
    (PROTOCOL + b"}(" + text("a") + b"u.", "opcode 0x75"),
    (PROTOCOL + b"}(" + text("a") + b"Ne.", "opcode 0x65"),
    *((PROTOCOL + b"}(" + k + b"Nu.", "not a string") for k in (b"N", b"K\1", b"C\1a", b"]")),
    (PROTOCOL + b"}(" + 2 * (text("a") + b"N") + b"u.", "same key twice"),
    *((document_with(text(t)), "not UTF-8") for t in (b"\xed\xa0\x80", b"\xff", b"\xc0\x80")),
    (PROTOCOL + b"}(" + text(b"\xff") + b"Nu.", "not UTF-8"),
    # lengths, which are checked against what is left
    (document_with(b"X\xff\xff\xff\xff"), "string longer than 65,536 bytes"),
    (document_with(text("x" * (MAX_STRING + 1))), "string longer than"),
    (document_with(b"X\x00\x01\x00\x00a"), "more bytes than it has"),
    (document_with(b"C\xff" + bytes(200)), "more bytes than it has"),
    (document_with(b"B\xff\xff\xff\xff"), "more bytes than it has"),
    (document_with(b"B\xff\xff\xff\x7f" + bytes(200)), "more bytes than it has"),
    *((document_with(b"\x8a" + n), "not of 64 bits") for n in (b"\0", b"\x09" + bytes(9))),
    # more than there may be
    (document_with(b"](" + b"N" * (MAX_ITEMS + 1) + b"e"), "more than 100,000 items"),
    (
        document_with(b"}(" + b"".join(text(f"{k:x}") + b"N" for k in range(MAX_ITEMS + 1)) + b"u"),
        "more than 100,000 items",
    ),
    (
        document_with(b"](" + (b"](" + b"N" * (MAX_ITEMS - 1) + b"e") * 3 + b"e"),
        "more than 250,000 values",
    ),
    *(
        (PROTOCOL + b"}(" + text("a") + opening * levels + b"N", "more than 16 levels deep")
        for opening in (b"](", b"}(" + text("a"))
        for levels in (MAX_DEPTH, 100_000)
    ),
]


@pytest.mark.parametrize(("data", "reason"), NOT_READ, ids=lambda v: ascii(v)[:40])
def test_what_is_not_one_dict_within_bounds_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DamagedSave, match=reason):
        decode(data)


def test_a_pickle_cut_short_anywhere_is_refused() -> None:
    whole = encode(SAMPLE)
    for size in range(len(whole)):
        with pytest.raises(DamagedSave):
            decode(whole[:size])


pieces = st.sampled_from([*(bytes([code]) for code in VALUE_OPCODES + b"(eu."), text("a")])


@settings(deadline=None, max_examples=200)
@given(st.lists(pieces | st.binary(max_size=9), max_size=12).map(b"".join))
def test_random_opcodes_are_refused_or_read_as_any_python_would(body: bytes) -> None:
    for data in (body, PROTOCOL + body + b".", document_with(body)):
        decoded_or_refused(data)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_a_changed_pickle_is_refused_or_read_as_any_python_would(data: Any) -> None:
    changed = bytearray(encode(data.draw(st.just(SAMPLE) | documents)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        until = min(at + data.draw(st.integers(0, 4)), len(changed))
        changed[at:until] = data.draw(st.binary(max_size=4))
    decoded_or_refused(bytes(changed))


# the seal

DOCUMENT = {"name": "first", "data": bytes(range(20))}
PAYLOAD = encode(DOCUMENT)
SEALED = seal(PAYLOAD)
SUM_AT = len(SEALED) - 32
LENGTH_AT = SUM_AT - 8
VERSION_AT = LENGTH_AT - 2
MAGIC_AT = VERSION_AT - len(MAGIC)


def footer(version: int = VERSION, length: int = len(PAYLOAD), magic: bytes = MAGIC) -> bytes:
    return magic + version.to_bytes(2, "big") + length.to_bytes(8, "big")


def with_sum(fields: bytes, payload: bytes = PAYLOAD) -> bytes:
    """The payload with a footer of these fields and the right sum for them."""
    return payload + fields + sha256(payload + fields).digest()


def test_the_footer_is_as_the_format_has_it_and_other_readers_do_not_see_it() -> None:
    assert with_sum(footer()) == SEALED
    assert len(SEALED) - len(PAYLOAD) == FOOTER_BYTES == 50
    assert pickle.loads(SEALED) == DOCUMENT
    for payload in (b"", PAYLOAD, SEALED):
        assert unseal(seal(payload)) == payload


def test_every_cut_is_noticed_at_either_end() -> None:
    for size in range(len(SEALED)):
        with pytest.raises(DamagedSave, match="cut short"):
            unseal(SEALED[:size])
        with pytest.raises(DamagedSave, match=r"cut short|should have"):
            unseal(SEALED[len(SEALED) - size :])


@pytest.mark.parametrize(
    "more", [b"\x00", b"\n", bytes(FOOTER_BYTES), SEALED, SEALED[-FOOTER_BYTES:]], ids=len
)
def test_whatever_is_added_is_noticed_at_either_end(more: bytes) -> None:
    with pytest.raises(DamagedSave, match=r"something after its end|should have"):
        unseal(SEALED + more)
    with pytest.raises(DamagedSave, match=f"should have {len(PAYLOAD)} bytes and has"):
        unseal(more + SEALED)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *(
            (with_sum(footer(version=n)), f"has format {n}, and this digitnet reads")
            for n in (0, VERSION + 1, 0xFFFF)
        ),
        (PAYLOAD + footer(version=VERSION + 1) + SEALED[SUM_AT:], "SHA-256 differs"),
        *(
            (with_sum(footer(length=n)), f"should have {n:,} bytes and has {len(PAYLOAD)}")
            for n in (0, len(PAYLOAD) - 1, len(PAYLOAD) + 1, (1 << 64) - 1)
        ),
        (with_sum(footer(magic=b"digitnet")), "no footer"),
        (PAYLOAD + footer() + sha256(PAYLOAD).digest(), "SHA-256 differs"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_footer_that_is_wrong_in_one_field_is_refused_for_that(data: bytes, reason: str) -> None:
    with pytest.raises(DamagedSave, match=reason):
        unseal(data)
