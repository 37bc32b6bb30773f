"""Damage to saves: how bytes change, and whether what is read from them afterwards is sound."""

from math import isfinite
from random import Random
from unicodedata import normalize

import numpy as np
from registry_helpers import everything, plain, rich

from digitnet.engine.arrays import Cases
from digitnet.engine.run import run
from digitnet.engine.schedules import Amount
from digitnet.registry.codec import FOOTER_BYTES, decode, encode, seal, unseal
from digitnet.registry.files import DamagedSave
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
    """The data with one mutation."""
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
    """The network in a save, None where it is refused as damaged."""
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
