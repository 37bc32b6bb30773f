"""Damage to saves, by the million: what is read is a sound network or a damaged save."""

from collections.abc import Callable
from io import BytesIO
from math import isfinite
from pathlib import Path
from random import Random
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from conftest import Tally
from document_helpers import Place, with_change
from registry_helpers import everything, plain, rich

from digitnet.engine.arrays import Cases
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.engine.trainer import Progress
from digitnet.registry import codec, exchange, schema
from digitnet.registry.codec import FOOTER_BYTES, Fields, decode, encode, seal, unseal
from digitnet.registry.exchange import export_network, import_network
from digitnet.registry.files import DamagedSave, RegistryError
from digitnet.registry.model import Model
from digitnet.registry.schema import from_document, to_document

SAVES = tuple(
    seal(encode(to_document(named, "x") | {"saved_at": "2026-01-01T00:00:00+00:00"}))
    for named in (
        plain(),
        plain(bias=False, dtype=np.float64, output="sigmoid", cost="squared"),
        rich(),
        rich("adam"),
    )
)
"""Small sound saves; the first has the least in it, the last the most."""


def flip(data: bytearray, rng: Random) -> None:
    """One bit, or some."""
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def swap_bytes(data: bytearray, rng: Random) -> None:
    """A byte becomes one that stands elsewhere, so that opcodes come where others were."""
    data[rng.randrange(len(data))] = rng.choice(data)


def truncate(data: bytearray, rng: Random) -> None:
    """An end is lost: a little of it or much, most often the last one."""
    lost = rng.randint(1, rng.choice((4, FOOTER_BYTES + 1, len(data))))
    if rng.random() < 0.2:
        del data[:lost]
    else:
        del data[-lost:]


def splice(data: bytearray, rng: Random) -> None:
    """A piece of this save or another one comes in, over what was there or between."""
    other = rng.choice(SAVES)
    start, at = rng.randrange(len(other)), rng.randrange(len(data))
    piece = other[start : start + rng.choice((1, 8, 64, len(other)))]
    until = rng.choice((at, at + len(piece), at + rng.randrange(64), len(data)))
    data[at:until] = piece


def zero(data: bytearray, rng: Random) -> None:
    """A block is zeros, as where a disk has lost it."""
    size = rng.choice((1, 4, 16, 512))
    at = rng.randrange(0, len(data), size)
    data[at : at + size] = bytes(len(data[at : at + size]))


MUTATIONS = (flip, swap_bytes, truncate, splice, zero)


def mutated(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    rng.choice(MUTATIONS)(changed, rng)
    return bytes(changed)


def damaged_save(number: int) -> tuple[bytes, bytes]:
    """A save and what became of it in the mutation of that number."""
    rng = Random(number)
    whole = rng.choice(SAVES)
    return whole, mutated(whole, rng)


def forged_save(number: int) -> bytes:
    """A save with a footer that fits what became of it in the mutation of that number."""
    rng = Random(number)
    return seal(mutated(rng.choice(SAVES)[:-FOOTER_BYTES], rng))


def read(data: bytes) -> Model | None:
    try:
        return from_document(decode(unseal(data)))
    except DamagedSave:
        return None


def is_sound(named: Model, *, train: bool = False) -> bool:
    """Whether a network that was read is one that could have been saved, and can be again."""
    trainer, network = named.trainer, named.network
    arrays = [p.value for p in network.parameters] + (trainer.averages or [])
    arrays += [array for kept in trainer.optimizer.state.values() for array in kept]
    numbers = [value for point in trainer.history for value in vars(point).values()]
    numbers += [*vars(trainer.progress).values(), trainer.settings.rate]
    counts = [v for k, v in vars(trainer.progress).items() if k != "cost_sum"]
    counts += [point.batches for point in trainer.history]
    shares = [point.validation_accuracy for point in trainer.history]
    shares += [named.accuracy.value] if named.accuracy else []
    words = [named.recipe, named.data, *named.trained_on, named.name, trainer.settings.schedule]
    sound = (
        all(array.dtype == network.dtype and np.isfinite(array).all() for array in arrays)
        and all(isfinite(number) for number in numbers)
        and all(number >= 0 for number in counts)
        and all(word.isprintable() for word in words)
        and named.name == normalize("NFC", named.name).strip() != ""
        and all(0 <= share <= 1 for share in shares)
    )
    if not sound:
        return False
    with np.errstate(all="ignore"):
        answer = network.forward(np.zeros((1, network.inputs), network.dtype))
        if train:
            _train(named)
    again = read(seal(encode(to_document(named, named.name))))
    return answer.shape == (1, network.outputs) and everything(again) == everything(named)


def _train(named: Model) -> None:
    """Two mini-batches, on as many cases as the save tells of."""
    rng, network = np.random.default_rng(1), named.network
    count = min(named.trainer.progress.cases, 100) or 10
    inputs = rng.integers(0, 256, (count, network.inputs), np.uint8)
    cases = Cases(inputs, np.eye(network.outputs, dtype=np.float32)[inputs[:, 0] % network.outputs])
    run(named.trainer, cases, cases, Amount(2, "batches"))


Share = Callable[[int, int], int]
TRAINED = 50  # of the networks that are let through, one in so many is trained, too


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
    count = share(5_000, 500_000)
    tally("mutations of saves", count, sum(map(is_seen, range(count))))


def test_every_mutation_with_a_new_footer_is_refused_or_sound(share: Share, tally: Tally) -> None:
    count = share(2_000, 500_000)
    tally("mutations under a new footer", count, sum(map(is_survived, range(count))))


@pytest.mark.full
def test_without_the_sum_mutations_are_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(map(is_seen, range(500)))
    monkeypatch.setattr(codec, "_sum", lambda payload, fields: SAVES[0][-32:])
    assert not all(map(is_seen, range(500)))


class AnyNumber:
    """numpy, to which every number is finite."""

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def isfinite(self, array: Any) -> Any:
        return np.ones(1, bool)


def any_progress(fields: Fields) -> Progress:
    return Progress(**fields.rest())


W0 = ("layers", 0, "parameters", "weights")
INFINITIES = np.full(12, np.inf, np.float32).tobytes()
CHECKS: dict[str, tuple[tuple[Any, str, Any], Place, Any]] = {
    "finite numbers": ((codec, "np", AnyNumber()), (*W0, "data"), INFINITIES),
    "shares": ((Fields, "fraction", Fields.real), ("accuracy", "value"), 1.5),
    "names": ((schema, "read_name", Fields.text), ("name",), " x"),
    "far": ((schema, "_progress", any_progress), ("progress", "position"), 31),
    "less than nothing": ((schema, "_progress", any_progress), ("progress", "batches"), -1),
}
"""A check, by what to do without it; and a place and a value that only it refuses."""


@pytest.mark.full
@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_what_is_not_sound_comes_through(
    monkeypatch: pytest.MonkeyPatch, check: str
) -> None:
    without, place, value = CHECKS[check]
    save = seal(encode(with_change(place, value)))
    assert is_refused_or_sound(save, train=True)
    monkeypatch.setattr(*without)
    assert not is_refused_or_sound(save, train=True)


# files to be imported


def survived_imports(path: Path, times: int) -> int:
    """How many of so many mutations gave a finite network or an error that tells of it."""
    rng, data, count = Random(1), path.read_bytes(), 0
    for _ in range(times):
        path.write_bytes(mutated(data, rng))
        try:
            network = import_network(path).network
            with np.errstate(all="ignore"):  # finite weights may still be huge
                answer = network.forward(np.ones((1, 4), np.float32))
            count += network.is_finite() and network.outputs == len(answer[0])
        except RegistryError as error:
            count += str(error).isprintable()
    return count


@pytest.mark.parametrize("suffix", exchange.READERS)
def test_mutations_of_exports(tmp_path: Path, share: Share, tally: Tally, suffix: str) -> None:
    path, times = tmp_path / f"x.{suffix}", share(300, 50_000)
    export_network(rich(), path)
    tally(f"mutations of .{suffix} files", times, survived_imports(path, times))


@pytest.mark.full
def test_errors_of_other_kinds_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npz"
    export_network(rich(), path)
    monkeypatch.setitem(exchange.READERS, "npz", lambda d, *_: ("", dict(np.load(BytesIO(d)))))
    with pytest.raises(Exception) as caught:
        survived_imports(path, 200)
    assert not isinstance(caught.value, RegistryError)
