"""Damage to saves, by the million: what is read is a sound network or a damaged save."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import Tally
from damage_helpers import SAVES, damaged_save, forged_save, is_sound, read
from document_helpers import Place, with_change

from digitnet.engine.trainer import Progress
from digitnet.registry import codec as seal

from digitnet.registry import schema as document
from digitnet.registry.codec import encode
from digitnet.registry.schema import Fields

Share = Callable[[int, int], int]
TRAINED = 50
"""Of the networks that are let through, one in so many is trained, too."""


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def is_seen(number: int) -> bool:
    """Whether a mutation is noticed by the footer, or was none."""
    whole, changed = damaged_save(number)
    return changed == whole or read(changed) is None


def is_survived(number: int) -> bool:
    """Whether a mutation with a new footer is refused, or has left a sound network."""
    survived = is_refused_or_sound(forged_save(number), train=number % TRAINED == 0)
    if not survived:
        print(f"mutation {number} is not survived")
    return survived


def is_refused_or_sound(save: bytes, *, train: bool) -> bool:
    """Whether a save is refused as damaged or gives a sound network, and nothing else happens."""
    try:
        named = read(save)
        return named is None or is_sound(named, train=train)
    except Exception as error:
        print(repr(error))
        return False


def test_every_flipped_bit_is_seen(share: Share, tally: Tally) -> None:
    tried = [(save, bit) for save in SAVES[: share(1, 4)] for bit in range(8 * len(save))]
    tally("flipped bits", len(tried), sum(read(flipped(*one)) is None for one in tried))


def test_every_mutation_is_seen(share: Share, tally: Tally) -> None:
    count = share(20_000, 500_000)
    tally("mutations of saves", count, sum(map(is_seen, range(count))))


def test_every_mutation_with_a_new_footer_is_refused_or_sound(share: Share, tally: Tally) -> None:
    count = share(5_000, 500_000)
    tally("mutations under a new footer", count, sum(map(is_survived, range(count))))


@pytest.mark.full
def test_without_the_sum_mutations_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(map(is_seen, range(500)))
    monkeypatch.setattr(seal, "_sum", lambda payload, fields: SAVES[0][-32:])
    assert not all(map(is_seen, range(500)))


@pytest.mark.full
def test_without_a_check_mutations_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(map(is_survived, range(500)))
    monkeypatch.setattr(Fields, "text", lambda fields, name, choices=None: fields._take(name, str))
    assert not all(map(is_survived, range(500)))


class AnyNumber:
    """numpy, to which every number is finite."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def isfinite(self, array: Any) -> Any:
        return np.ones(1, bool)


def any_progress(fields: Fields) -> Progress:
    """Progress as it stands."""
    return Progress(**fields.rest())


W0 = ("layers", 0, "parameters", "weights")
INFINITIES = np.full(12, np.inf, np.float32).tobytes()
CHECKS: dict[str, tuple[tuple[Any, str, Any], Place, Any]] = {
    "finite numbers": (
        (document, "np", AnyNumber()),
        ("layers", 0, "parameters", "weights", "data"),
        INFINITIES,
    ),
    "shares": ((Fields, "fraction", Fields.real), ("accuracy", "value"), 1.5),
    "names": ((document, "read_name", lambda fields: fields.text("name")), ("name",), " x"),
    "far": ((document, "_progress", any_progress), ("progress", "position"), 31),
    "less than nothing": ((document, "_progress", any_progress), ("progress", "batches"), -1),
}
"""A check, by what to do without it; and a place and a value that only it refuses."""


@pytest.mark.full
@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_what_is_not_sound_comes_through(
    monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    without, place, value = CHECKS[check]
    save = seal.seal(encode(with_change(place, value)))
    assert is_refused_or_sound(save, train=True)
    monkeypatch.setattr(*without)
    assert not is_refused_or_sound(save, train=True)
