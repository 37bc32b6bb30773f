"""kill -9 in the middle of a training: what was put aside last is found again, whole."""

import random
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from recovery_helpers import kept, left_by

from digitnet.registry.errors import RegistryError
from digitnet.registry.recovery import Recovery


def test_kills_at_random_moments(
    environment: dict[str, str], share: Callable[[int, int], int], tally: Tally
) -> None:
    saves, chance = Path(environment["DIGITNET_SAVES"]), random.Random(1)
    tried = share(4, 100)
    survived = 0
    for _ in range(tried):
        left_by(environment, signal.SIGKILL, "n relu; t 600s", after=chance.random() / 2)
        recovery = Recovery(saves)
        named, more = recovery.take()
        survived += named.trainer.progress.batches > 0 and more == 0
        recovery.forget()
        assert kept(saves) == []
    tally("kill -9 of a training", tried, survived)


def test_without_durable_writes_it_would_be_lost(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A control: a file that was only half written is noticed."""
    saves = Path(environment["DIGITNET_SAVES"])
    left_by(environment, signal.SIGKILL)
    (path,) = kept(saves)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(RegistryError, match="cannot be read"):
        Recovery(saves).take()
