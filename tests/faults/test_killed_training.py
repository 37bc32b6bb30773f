"""kill -9 in the middle of a training: what was put aside last is found again, whole."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from recovery_helpers import kept, left_by, quickly

from digitnet.registry import recovery
from digitnet.registry.files import RegistryError
from digitnet.registry.recovery import Recovery


def test_kills_at_random_moments(
    environment: dict[str, str], share: Callable[[int, int], int], tally: Tally
) -> None:
    saves, chance = Path(environment["DIGITNET_SAVES"]), random.Random(1)
    tried, survived = share(2, 100), 0
    for _ in range(tried):
        left_by(environment, signal.SIGKILL, "n relu; t 600s", after=chance.random() / 2)
        left = Recovery(saves)
        named, _, more = left.adopt()
        survived += named.trainer.progress.batches > 0 and more == 0
        left.discard()
        assert kept(saves) == []
    tally("kill -9 of a training", tried, survived)


def written_in_place() -> None:
    def write_in_place(path: Path, data: bytes) -> None:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            time.sleep(60)
            file.write(data[len(data) // 2 :])

    quickly()
    recovery.write_durably = write_in_place


def never() -> None:
    recovery.BUSY_SECONDS = 1e9


@pytest.mark.full
def test_without_durable_writes_it_would_be_lost(environment: dict[str, str]) -> None:
    left_by(environment, signal.SIGKILL, change=written_in_place)
    with pytest.raises(RegistryError, match="cannot be read"):
        Recovery(Path(environment["DIGITNET_SAVES"])).adopt()


@pytest.mark.full
def test_were_it_never_put_aside_it_would_be_lost(environment: dict[str, str]) -> None:
    saves = Path(environment["DIGITNET_SAVES"])
    with pytest.raises(AssertionError, match="nothing was put aside"):
        left_by(environment, signal.SIGKILL, change=never, patience=3)
    with pytest.raises(RegistryError, match="no unfinished training"):
        Recovery(saves).adopt()
