"""kill -9 in the middle of a training: what was put aside last is found again, whole."""

import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from recovery_helpers import QUICKLY, kept, left_by

from digitnet.registry.files import RegistryError
from digitnet.registry.recovery import Recovery


def test_kills_at_random_moments(
    environment: dict[str, str], share: Callable[[int, int], int], tally: Tally
) -> None:
    saves, chance = Path(environment["DIGITNET_SAVES"]), random.Random(1)
    tried, survived = share(2, 100), 0
    for _ in range(tried):
        left_by(environment, signal.SIGKILL, "n relu; t 600s", after=chance.random() / 2)
        recovery = Recovery(saves)
        named, more = recovery.adopt()
        survived += named.trainer.progress.batches > 0 and more == 0
        recovery.discard()
        assert kept(saves) == []
    tally("kill -9 of a training", tried, survived)


WRITTEN_IN_PLACE = f"""
{QUICKLY}
import time
from digitnet.registry import recovery

def write_in_place(path, data):
    with path.open("wb") as file:
        file.write(data[: len(data) // 2])
        file.flush()
        time.sleep(60)
        file.write(data[len(data) // 2 :])

recovery.write_durably = write_in_place
"""


@pytest.mark.full
def test_without_durable_writes_it_would_be_lost(environment: dict[str, str]) -> None:
    left_by(environment, signal.SIGKILL, changes=WRITTEN_IN_PLACE)
    with pytest.raises(RegistryError, match="cannot be read"):
        Recovery(Path(environment["DIGITNET_SAVES"])).adopt()


@pytest.mark.full
def test_were_it_never_put_aside_it_would_be_lost(environment: dict[str, str]) -> None:
    saves = Path(environment["DIGITNET_SAVES"])
    with pytest.raises(AssertionError, match="nothing was put aside"):
        left_by(environment, signal.SIGKILL, changes="unfinished.BUSY_SECONDS = 1e9", patience=3)
    with pytest.raises(RegistryError, match="no unfinished training"):
        Recovery(saves).adopt()
