"""The pickles of saves: what is written comes back, and any Python reads it."""

import pickle
import pickletools
import struct
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from codec_helpers import SAMPLE, documents
from hypothesis import given, settings

from digitnet.registry.codec import MAX_DEPTH, MAX_ITEMS, MAX_STRING, MAX_VALUES, decode, encode

OPCODES = {
    *("PROTO", "STOP", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1"),
    *("BINFLOAT", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES"),
    *("EMPTY_LIST", "EMPTY_DICT", "MARK", "APPENDS", "SETITEMS"),
}


def nested(levels: int) -> Any:
    """A dict in which lists are nested, so many levels in all."""
    value: Any = []
    for _ in range(levels - 2):
        value = [value]
    return {"a": value}


@settings(deadline=None, max_examples=150)
@given(documents)
def test_what_is_encoded_comes_back_and_is_what_any_python_reads(document: Any) -> None:
    data = encode(document)
    assert repr(decode(data)) == repr(document)  # repr tells True from 1, -0.0 from 0.0, and NaN
    assert repr(pickle.loads(data)) == repr(document)


@pytest.mark.parametrize("bits", [8, 16, 31, 32, 63])
def test_whole_numbers_come_back_on_both_sides_of_every_width(bits: int) -> None:
    around = [sign * ((1 << bits) + off) for sign in (1, -1) for off in (-1, 0, 1)]
    document = {"n": [n for n in around if -(1 << 63) <= n < 1 << 63]}
    assert decode(encode(document)) == document == pickle.loads(encode(document))


@pytest.mark.parametrize("length", [0, 1, 255, 256, 70_000])
def test_bytes_of_every_length_come_back(length: int) -> None:
    document = {"data": bytes(range(256)) * (length // 256) + b"x" * (length % 256)}
    assert decode(encode(document)) == document == pickle.loads(encode(document))


def test_real_numbers_come_back_to_the_bit() -> None:
    patterns = [0x7FF8_0000_0000_0001, 0xFFF0_0000_0000_0000, 0x8000_0000_0000_0000, 1]
    numbers = [struct.unpack("<d", struct.pack("<Q", p))[0] for p in patterns]
    back = decode(encode({"r": numbers}))["r"]
    assert [struct.unpack("<Q", struct.pack("<d", r))[0] for r in back] == patterns


def test_a_pickle_has_the_eighteen_opcodes_and_no_memo() -> None:
    assert len(OPCODES) == 18
    assert {opcode.name for opcode, _, _ in pickletools.genops(encode(SAMPLE))} == OPCODES


@settings(deadline=None, max_examples=40)
@given(documents)
def test_no_document_needs_another_opcode(document: Any) -> None:
    assert {opcode.name for opcode, _, _ in pickletools.genops(encode(document))} <= OPCODES


@pytest.mark.parametrize(
    "value",
    [
        *(np.float32(1), np.int64(1), np.uint8(1), np.bool_(True), np.zeros(2)),
        *((1, 2), {1, 2}, frozenset(), bytearray(b"x"), memoryview(b"x"), 1j, object(), int),
        *({1: "number as key"}, {b"a": 1}, {None: 1}, {("a",): 1}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_encode_refuses_what_no_document_holds(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"a": [value]})


@pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 1 << 64, 1 << 999], ids=hex)
def test_encode_refuses_whole_numbers_past_64_bits(number: int) -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"a": number})


def test_encode_refuses_text_that_is_not_unicode() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        encode({"a": "\ud800"})


@pytest.mark.parametrize(
    "value", [np.float64(0.1), np.str_("a"), np.bytes_(b"a"), OrderedDict(b=1)], ids=repr
)
def test_what_is_a_plain_value_with_a_fancy_type_is_written_as_the_plain_value(value: Any) -> None:
    back = decode(encode({"a": value}))["a"]
    assert back == value
    assert type(back) in (float, str, bytes, dict)


def test_sixteen_levels_come_back_and_seventeen_are_not_written() -> None:
    assert decode(encode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(ValueError, match="16 levels"):
        encode(nested(MAX_DEPTH + 1))


def test_a_document_that_holds_itself_is_not_written() -> None:
    document: dict[str, Any] = {}
    document["self"] = document
    with pytest.raises(ValueError, match="16 levels"):
        encode(document)


@pytest.mark.parametrize(
    "document",
    [
        {"a": "x" * (MAX_STRING + 1)},
        {"a": [None] * (MAX_ITEMS + 1)},
        {"a": dict.fromkeys(map(str, range(MAX_ITEMS + 1)))},
        {"a": [[None] * (MAX_VALUES // 3)] * 3},
    ],
    ids=["long string", "long list", "large dict", "many values"],
)
def test_encode_writes_nothing_that_decode_would_refuse(document: Any) -> None:
    with pytest.raises(ValueError, match=r"at most|more than|longer than"):
        encode(document)
