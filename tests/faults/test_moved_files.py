"""Damaged files to be imported: a network or one line, whatever has happened to them."""

import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from registry_helpers import rich

from digitnet.registry import exchange
from digitnet.registry.exchange import export_network, import_network
from digitnet.registry.files import RegistryError


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The data with a bit flipped, a byte replaced, a block zeroed, moved or gone, or an end."""
    changed, at = bytearray(data), rng.randrange(len(data))
    length = rng.choice([1, 4, 8, 64, 500])
    match rng.randrange(6):
        case 0:
            changed[at] ^= 1 << rng.randrange(8)
        case 1:
            changed[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
        case 2:
            changed[at : at + length] = bytes(length)
        case 3:
            changed[at:at] = changed[:length]
        case 4:
            del changed[at : at + length]
        case _:
            del changed[at:]
    return bytes(changed)


def survived(path: Path, data: bytes, times: int) -> int:
    """How many of so many mutations gave a finite network or an error that tells of it."""
    rng, count = random.Random(1), 0
    for _ in range(times):
        path.write_bytes(mutated(data, rng))
        try:
            network = import_network(path).network
            with np.errstate(all="ignore"):  # finite weights may still be huge
                answered = len(network.forward(ONE)[0])
            count += network.is_finite() and network.outputs == answered
        except RegistryError as error:
            count += str(error).isprintable()
    return count


ONE = np.ones((1, 4), np.float32)


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_mutations_of_exports(tmp_path: Path, share: Any, tally: Any, suffix: str) -> None:
    path, times = tmp_path / f"x.{suffix}", share(500, 50_000)
    export_network(rich(), path)
    whole = survived(path, path.read_bytes(), times)
    tally(f"mutations of .{suffix} files", times, whole)


def test_errors_of_other_kinds_are_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npz"
    export_network(rich(), path)
    careless = exchange.Format(
        exchange.write_npz, lambda data: ("", dict(np.load(io.BytesIO(data))))
    )
    monkeypatch.setitem(exchange.FORMATS, "npz", careless)
    with pytest.raises(Exception) as caught:
        survived(path, path.read_bytes(), 200)
    assert not isinstance(caught.value, RegistryError)
