"""The reader of pickles: no pickle but those of saves is read, and none does anything."""

import pickle
import pickletools
import struct
from typing import Any

import pytest
from codec_helpers import PROTOCOL, SAMPLE, documents
from hypothesis import given, settings
from hypothesis import strategies as st

from digitnet.registry.codec import MAX_DEPTH, MAX_ITEMS, MAX_STRING, decode, encode
from digitnet.registry.files import DamagedSave

VALUE_OPCODES = b"N\x88\x89JKM\x8aGXCB]}"


def text(string: str | bytes) -> bytes:
    """The opcode for a string."""
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


class Attack:
    """Says so when something makes a pickle of it do what it asks."""

    done: tuple[str, ...] = ()

    def __reduce__(self) -> Any:
        """What `pickle` would call."""
        return (setattr, (Attack, "done", ("it ran",)))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_calls_something_is_refused_and_nothing_is_called(protocol: int) -> None:
    data = pickle.dumps({"a": Attack()}, protocol)
    with pytest.raises(DamagedSave):
        decode(data)
    with pytest.raises(DamagedSave):
        decode(PROTOCOL + data[2:])
    assert Attack.done == ()
    pickle.loads(data)
    assert Attack.done == ("it ran",)  # so the pickle was a loaded one
    Attack.done = ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GLOBAL", b"cos\nsystem\n"),
        ("STACK_GLOBAL", b"\x93"),
        ("INST", b"ios\nsystem\n"),
        ("OBJ", b"o"),
        ("REDUCE", b"R"),
        ("BUILD", b"b"),
        ("NEWOBJ", b"\x81"),
        ("NEWOBJ_EX", b"\x92"),
        ("EXT1", b"\x82\x01"),
        ("EXT2", b"\x83\x01\x00"),
        ("EXT4", b"\x84\x01\x00\x00\x00"),
        ("PERSID", b"P0\n"),
        ("BINPERSID", b"Q"),
        ("GET", b"g0\n"),
        ("BINGET", b"h\x00"),
        ("LONG_BINGET", b"j\x00\x00\x00\x00"),
        ("PUT", b"p0\n"),
        ("BINPUT", b"q\x00"),
        ("LONG_BINPUT", b"r\x00\x00\x00\x00"),
        ("MEMOIZE", b"\x94"),
        ("DUP", b"2"),
        ("POP", b"0"),
        ("POP_MARK", b"1"),
        ("EMPTY_TUPLE", b")"),
        ("TUPLE", b"t"),
        ("TUPLE1", b"\x85"),
        ("TUPLE2", b"\x86"),
        ("TUPLE3", b"\x87"),
        ("FRAME", b"\x95\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("LONG4", b"\x8b\xff\xff\xff\x7f"),
        ("LONG", b"L" + b"9" * 10_000 + b"L\n"),
        ("INT", b"I01\n"),
        ("FLOAT", b"F1.5\n"),
        ("STRING", b"S'a'\n"),
        ("BINSTRING", b"T\xff\xff\xff\x7f"),
        ("UNICODE", b"Va\n"),
        ("SHORT_BINUNICODE", b"\x8c\x01a"),
        ("BINUNICODE8", b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("BINBYTES8", b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("BYTEARRAY8", b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f"),
        ("EMPTY_SET", b"\x8f"),
        ("ADDITEMS", b"\x90"),
        ("FROZENSET", b"\x91"),
        ("LIST", b"l"),
        ("DICT", b"d"),
        ("APPEND", b"a"),
        ("SETITEM", b"s"),
        ("NEXT_BUFFER", b"\x97"),
        ("READONLY_BUFFER", b"\x98"),
        ("PROTO", PROTOCOL),
    ],
)
def test_an_opcode_that_no_save_uses_is_refused_by_its_number(name: str, value: bytes) -> None:
    codes = {opcode.name: opcode.code.encode("latin-1") for opcode in pickletools.opcodes}
    assert value.startswith(codes[name])
    with pytest.raises(DamagedSave, match=f"opcode 0x{value[:1].hex()}, which no save uses"):
        decode(document_with(value))
    for after in (b"N", b"]", text("x")):  # where `pickle` would have something to do it to
        with pytest.raises(DamagedSave):
            decode(document_with(after + value))


def test_no_byte_but_the_thirteen_begins_a_value() -> None:
    for code in set(range(256)) - set(VALUE_OPCODES):
        with pytest.raises(DamagedSave, match=f"opcode 0x{code:02x}, "):
            decode(document_with(bytes([code]) + bytes(16)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "more bytes than it has"),
        (b"\x80", "more bytes than it has"),
        (PROTOCOL, "more bytes than it has"),
        (PROTOCOL + b".", "opcode 0x2e"),
        (PROTOCOL + b"}", "more bytes than it has"),
        (PROTOCOL + b"}}", "does not end where"),
        (PROTOCOL + b"}..", "does not end where"),
        (PROTOCOL + b"}.\x00", "does not end where"),
        (PROTOCOL + b"}." + PROTOCOL + b"}.", "does not end where"),
        (PROTOCOL + b"].", "outermost value is not a dict"),
        (PROTOCOL + b"N.", "outermost value is not a dict"),
        (PROTOCOL + text("a") + b".", "outermost value is not a dict"),
        *((bytes([0x80, n]) + b"}.", "not begin as a pickle of protocol 3") for n in (0, 2, 4, 5)),
        (b"}.", "not begin as a pickle of protocol 3"),
        (PROTOCOL + b"}(u", "more bytes than it has"),
        (PROTOCOL + b"}(" + text("a") + b"u.", "opcode 0x75"),
        (PROTOCOL + b"}(" + text("a") + b"Ne.", "opcode 0x65"),
        (PROTOCOL + b"}(N.", "key that is not a string"),
        (PROTOCOL + b"}(K\x01Nu.", "key that is not a string"),
        (PROTOCOL + b"}(C\x01aNu.", "key that is not a string"),
        (PROTOCOL + b"}(]Nu.", "key that is not a string"),
        (PROTOCOL + b"}(" + 2 * (text("a") + b"N") + b"u.", "same key twice"),
        (document_with(text(b"\xed\xa0\x80")), "not UTF-8"),
        (document_with(text(b"\xff")), "not UTF-8"),
        (document_with(text(b"\xc0\x80")), "not UTF-8"),
        (document_with(text(b"\xf4\x90\x80\x80")), "not UTF-8"),
        (PROTOCOL + b"}(" + text(b"\xff") + b"Nu.", "not UTF-8"),
    ],
    ids=lambda value: value[:24].hex(" ") if isinstance(value, bytes) else "",
)
def test_what_is_not_one_dict_from_beginning_to_end_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(DamagedSave, match=reason):
        decode(data)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"X\xff\xff\xff\xff", "string longer than 65,536 bytes"),
        (b"X\x00\x01\x00\x00a", "more bytes than it has"),
        (b"C\xff" + bytes(200), "more bytes than it has"),
        (b"B\xff\xff\xff\xff", "more bytes than it has"),
        (b"B\xff\xff\xff\x7f" + bytes(200), "more bytes than it has"),
        (b"\x8a\x00", "not of 64 bits"),
        (b"\x8a\x09" + bytes(9), "not of 64 bits"),
        (b"\x8a\xff" + b"\x7f" * 255, "not of 64 bits"),
    ],
)
def test_a_length_is_checked_against_what_is_left(value: bytes, reason: str) -> None:
    with pytest.raises(DamagedSave, match=reason):
        decode(document_with(value))


@pytest.mark.parametrize("value", [b"J", b"M", b"G", b"X", b"B", b"C", b"K", b"\x8a\x08"])
def test_a_number_cut_off_by_the_end_is_refused(value: bytes) -> None:
    start = PROTOCOL + b"}(" + text("a") + value
    for rest in range({b"J": 4, b"M": 2, b"G": 8, b"X": 4, b"B": 4}.get(value, 1)):
        with pytest.raises(DamagedSave, match="more bytes than it has"):
            decode(start + bytes(rest))


@pytest.mark.parametrize("opening", [b"](", b"}(" + text("a")], ids=["lists", "dicts"])
@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 100_000])
def test_more_than_sixteen_levels_are_refused(opening: bytes, levels: int) -> None:
    with pytest.raises(DamagedSave, match="more than 16 levels deep"):
        decode(PROTOCOL + b"}(" + text("a") + opening * (levels - 1) + b"N")


def test_the_longest_string_and_list_are_read_and_longer_ones_refused() -> None:
    assert decode(document_with(text("x" * MAX_STRING))) == {"a": "x" * MAX_STRING}
    assert decode(document_with(b"](" + b"N" * MAX_ITEMS + b"e")) == {"a": [None] * MAX_ITEMS}
    with pytest.raises(DamagedSave, match="string longer than"):
        decode(document_with(text("x" * (MAX_STRING + 1))))
    with pytest.raises(DamagedSave, match="more than 100,000 items"):
        decode(document_with(b"](" + b"N" * (MAX_ITEMS + 1) + b"e"))


def test_a_dict_of_too_many_keys_is_refused() -> None:
    pairs = b"".join(text(f"{k:x}") + b"N" for k in range(MAX_ITEMS + 1))
    with pytest.raises(DamagedSave, match="more than 100,000 items"):
        decode(PROTOCOL + b"}(" + pairs + b"u.")


def test_a_flood_of_values_is_refused() -> None:
    flood = b"](" + (b"](" + b"N" * (MAX_ITEMS - 1) + b"e") * 3 + b"e"
    with pytest.raises(DamagedSave, match="more than 250,000 values"):
        decode(document_with(flood))


def test_a_pickle_cut_short_anywhere_is_refused() -> None:
    whole = encode(SAMPLE)
    for size in range(len(whole)):
        with pytest.raises(DamagedSave):
            decode(whole[:size])


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60))
def test_random_bytes_are_refused_or_read_as_any_python_would(data: bytes) -> None:
    decoded_or_refused(data)
    decoded_or_refused(PROTOCOL + data)
    decoded_or_refused(document_with(data))


pieces = st.sampled_from([*(bytes([code]) for code in VALUE_OPCODES + b"(eu."), text("a")])


@settings(deadline=None, max_examples=300)
@given(st.lists(pieces | st.binary(max_size=9), max_size=12).map(b"".join))
def test_random_opcodes_are_refused_or_read_as_any_python_would(body: bytes) -> None:
    decoded_or_refused(PROTOCOL + body + b".")
    decoded_or_refused(document_with(body))


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_changed_pickle_is_refused_or_read_as_any_python_would(data: Any) -> None:
    changed = bytearray(encode(data.draw(st.just(SAMPLE) | documents)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(changed)))
        until = min(at + data.draw(st.integers(0, 4)), len(changed))
        changed[at:until] = data.draw(st.binary(max_size=4))
    decoded_or_refused(bytes(changed))
