"""Finds picture files: single files, folders, patterns, and folders sorted by digit."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digitnet.digits.picture import SUFFIXES

MOST_FILES = 100_000


@dataclass(frozen=True)
class Found:
    """A file. answer: the digit that its folder is named after, if any."""

    path: Path
    answer: int | None = None


def pictures_at(path: Path) -> list[Found]:
    """The file itself, the pictures in a folder, or the matches of a pattern such as `*.png`.

    If a folder has subfolders named 0 to 9, their names are the answers. Raises OSError.
    """
    if os.path.lexists(path):
        return list(_under(path)) if path.is_dir() else [Found(path)]
    matches = sorted(glob.iglob(str(path)))[:MOST_FILES]  # noqa: PTH207 - may be absolute
    return [found for match in matches for found in pictures_at(Path(match))]


def _under(folder: Path) -> Iterator[Found]:
    """The pictures in a folder by name, or in its subfolders named after digits if it has any."""
    digits = [(digit, folder / str(digit)) for digit in range(10)]
    by_digit = [(digit, inner) for digit, inner in digits if inner.is_dir()]
    places: list[tuple[int | None, Path]] = [*by_digit] or [(None, folder)]
    for answer, inner in places:
        names = sorted(entry.name for entry in os.scandir(inner) if not entry.name.startswith("."))
        for name in names[:MOST_FILES]:
            if name.lower().endswith(SUFFIXES):
                yield Found(inner / name, answer)
