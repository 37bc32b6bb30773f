"""kill -9 at random moments: no acknowledged save is lost, none damaged, the list is right."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kills_helpers
import pytest
from conftest import Tally
from crash_helpers import told_by

pytestmark = [
    pytest.mark.full,  # test_every_call.py kills at every call, not at random
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
]


def kill(folder: Path, kills: int, *how: str) -> dict[str, Any]:
    """What comes of killing so many writers."""
    return told_by(kills_helpers, str(folder), str(kills), "1", *how)


def test_no_acknowledged_save_is_lost(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    kills = share(60, 2000)
    told = kill(tmp_path / "saves", kills)
    assert told["writing"] >= 0.3 * kills
    assert set(told["kinds"]) == {"save", "add", "delete", "rename", "undo"}
    tally("kill -9 of a writer", kills, kills - len(told["complaints"]))
    assert told["complaints"] == []


@pytest.mark.full
def test_what_is_written_without_steps_is_seen_to_be_lost(tmp_path: Path) -> None:
    told = kill(tmp_path / "saves", 60, "unprotected")
    assert any("damaged" in complaint for complaint in told["complaints"])
