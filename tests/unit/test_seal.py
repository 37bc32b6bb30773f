"""The footer of saves: whatever happens to a sealed file is noticed and named."""

import pickle
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digitnet.registry.codec import FOOTER_BYTES, MAGIC, VERSION, encode, seal, unseal
from digitnet.registry.files import DamagedSave

DOCUMENT = {"name": "first", "data": bytes(range(20))}
PAYLOAD = encode(DOCUMENT)
SEALED = seal(PAYLOAD)
SUM_AT = len(SEALED) - 32
LENGTH_AT = SUM_AT - 8
VERSION_AT = LENGTH_AT - 2
MAGIC_AT = VERSION_AT - len(MAGIC)


def with_sum(fields: bytes, payload: bytes = PAYLOAD) -> bytes:
    """The payload with a footer of these fields and the right sum for them."""
    return payload + fields + sha256(payload + fields).digest()


def footer(version: int = VERSION, length: int = len(PAYLOAD), magic: bytes = MAGIC) -> bytes:
    """The fields of a footer."""
    return magic + version.to_bytes(2, "big") + length.to_bytes(8, "big")


def reason_at(byte: int) -> str:
    """What is said of damage to this byte of SEALED."""
    if MAGIC_AT <= byte < VERSION_AT:
        return "no footer"
    return "should have" if LENGTH_AT <= byte < SUM_AT else "SHA-256 differs"


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=500))
def test_a_sealed_payload_comes_back(payload: bytes) -> None:
    assert unseal(seal(payload)) == payload


def test_the_footer_is_as_the_format_has_it() -> None:
    assert with_sum(footer()) == SEALED
    assert len(SEALED) - len(PAYLOAD) == FOOTER_BYTES == 50


def test_other_readers_do_not_see_the_footer() -> None:
    assert pickle.loads(SEALED) == DOCUMENT


def test_every_flipped_bit_is_noticed() -> None:
    for place in range(8 * len(SEALED)):
        flipped = bytearray(SEALED)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(DamagedSave, match=reason_at(place // 8)):
            unseal(bytes(flipped))


def test_every_cut_is_noticed_at_either_end() -> None:
    for size in range(len(SEALED)):
        with pytest.raises(DamagedSave, match="cut short"):
            unseal(SEALED[:size])
        with pytest.raises(DamagedSave, match=r"cut short|should have"):
            unseal(SEALED[len(SEALED) - size :])


@pytest.mark.parametrize(
    "more",
    [b"\x00", b"\n", bytes(FOOTER_BYTES), SEALED, SEALED[-FOOTER_BYTES:]],
    ids=["zero", "newline", "zeros", "another save", "another footer"],
)
def test_whatever_is_added_is_noticed_at_either_end(more: bytes) -> None:
    with pytest.raises(DamagedSave, match=r"something after its end|should have"):
        unseal(SEALED + more)
    with pytest.raises(DamagedSave, match=f"should have {len(PAYLOAD)} bytes and has"):
        unseal(more + SEALED)


def test_bytes_that_changed_places_are_noticed() -> None:
    for at in range(len(SEALED) - 1):
        swapped = bytearray(SEALED)
        swapped[at], swapped[at + 1] = swapped[at + 1], swapped[at]
        if swapped != SEALED:
            with pytest.raises(DamagedSave):
                unseal(bytes(swapped))


@pytest.mark.parametrize("version", [0, VERSION + 1, 0xFFFF])
def test_another_format_with_a_right_sum_is_named(version: int) -> None:
    with pytest.raises(DamagedSave, match=f"has format {version}, and this digitnet reads"):
        unseal(with_sum(footer(version=version)))


def test_another_format_with_a_wrong_sum_is_damage() -> None:
    with pytest.raises(DamagedSave, match="SHA-256 differs"):
        unseal(PAYLOAD + footer(version=VERSION + 1) + SEALED[SUM_AT:])


@pytest.mark.parametrize("length", [0, len(PAYLOAD) - 1, len(PAYLOAD) + 1, (1 << 64) - 1])
def test_a_wrong_length_with_a_right_sum_is_refused(length: int) -> None:
    with pytest.raises(DamagedSave, match=f"should have {length:,} bytes and has {len(PAYLOAD)}"):
        unseal(with_sum(footer(length=length)))


def test_another_magic_with_a_right_sum_is_refused() -> None:
    with pytest.raises(DamagedSave, match="no footer"):
        unseal(with_sum(footer(magic=b"digitnet")))


def test_the_sum_covers_the_fields_of_the_footer_too() -> None:
    with pytest.raises(DamagedSave, match="SHA-256 differs"):
        unseal(PAYLOAD + footer() + sha256(PAYLOAD).digest())


@settings(deadline=None, max_examples=100)
@given(st.binary(max_size=120))
def test_nothing_random_passes(data: bytes) -> None:
    with pytest.raises(DamagedSave):
        unseal(data)
