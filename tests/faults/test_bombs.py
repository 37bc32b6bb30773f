"""Small files that claim, nest, repeat or share: each is refused, in little time and memory."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bombs_helpers import bombs
from conftest import Tally
from hostile_helpers import WAYS, answers, faults

from digitnet.registry.codec import seal

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")


def sealed(*names: str) -> dict[str, bytes]:
    """These bombs, or all, in sound files."""
    return {name: seal(bombs()[name]) for name in names or bombs()}


def test_no_bomb_goes_off(tmp_path: Path, share: Callable[[int, int], int], tally: Tally) -> None:
    ways = dict(list(WAYS.items())[: share(1, len(WAYS))])
    files = sealed()
    told = answers(tmp_path, files, ways=ways)
    found = faults(told)
    print(*(f"{key}: {fault}" for key, fault in found.items()), sep="\n")
    tally("bombs, each way in", len(files) * len(ways), len(told) - len(found))


WITHOUT = {
    "the reader": [
        "BINBYTES of 4,294,967,295 bytes",
        "LONG_BINPUT of 4,294,967,295 bytes",
        "PUT of a huge number",
        "a deep tuple as a key",
        "colliding keys",
        "equal keys of a save",
        "dicts, 1,000,000 deep",
    ],
    "the lengths": ["BINBYTES of 4,294,967,295 bytes", "BINBYTES of 2,147,483,648 bytes"],
    "the keys": ["equal keys of a save"],
    "registry.codec.MAX_DEPTH": ["lists, 100,000 deep", "dicts, 1,000 deep"],
    "registry.codec.MAX_VALUES": ["None by the million, in lists"],
    "registry.schema.MAX_MEASUREMENTS": ["a history of a million points"],
}
"""A protection, and bombs that go off without it."""


@pytest.mark.full
@pytest.mark.parametrize("protection", WITHOUT)
def test_without_its_protection_a_bomb_goes_off(tmp_path: Path, protection: str) -> None:
    files = sealed(*WITHOUT[protection])
    told = answers(tmp_path, files, without=protection, ways={"l": WAYS["l"]})
    assert {name for name, _ in faults(told)} == set(files)
