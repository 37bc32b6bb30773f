"""Images of a disk, copied while networks are saved on it: no acknowledged save is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import images_helpers
import pytest
from conftest import Tally
from crash_helpers import told_by


@pytest.fixture(scope="module", autouse=True)
def _mounting(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Skips where images cannot be mounted."""
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        pytest.skip("images of disks are mounted as root, on Linux, with mkfs.ext4")
    folder = tmp_path_factory.mktemp("image")
    try:
        images_helpers.blank(folder / "image")
        with images_helpers.mounted(folder / "image", folder / "at"):
            pass
    except subprocess.CalledProcessError as error:
        pytest.skip(f"images cannot be mounted here: {error.stderr.decode().strip()}")


def test_no_acknowledged_save_is_lost(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    copies = share(15, 200)
    told = told_by(images_helpers, str(tmp_path), str(copies), "1")
    assert told["complaints"] == []
    assert told["within"] >= copies / 2
    tally("an image of a disk at work", copies, copies - len(told["complaints"]))


@pytest.mark.full
def test_without_syncs_saves_are_seen_to_be_lost(tmp_path: Path) -> None:
    told = told_by(images_helpers, str(tmp_path), "5", "1", "unprotected")
    assert len(told["complaints"]) >= 4
