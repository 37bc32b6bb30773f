"""The pictures that a person means: files, folders, patterns, folders sorted by digits."""

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from digitnet.digits.picture import SUFFIXES

MOST_FILES = 100_000


@dataclass(frozen=True)
class Found:
    """A file, and the digit that its folder says it shows, if it does."""

    path: Path
    answer: int | None = None


def pictures_at(path: Path) -> list[Found]:
    """The file there; of a folder, the pictures in it; of a pattern (`*.png`), what it fits.

    A folder with subfolders called 0 to 9 has each digit's pictures in its own. Raises OSError.
    """
    if os.path.lexists(path):
        return list(_under(path)) if path.is_dir() else [Found(path)]
    matches = sorted(glob.iglob(str(path)))[:MOST_FILES]  # noqa: PTH207 - may be absolute
    return [found for match in matches for found in pictures_at(Path(match))]


def _under(folder: Path) -> Iterator[Found]:
    """The pictures in a folder, by name; in folders within it only where they are digits."""
    digits = [(digit, folder / str(digit)) for digit in range(10)]
    answered = [(digit, inner) for digit, inner in digits if inner.is_dir()]
    places: list[tuple[int | None, Path]] = [*answered] or [(None, folder)]
    for answer, inner in places:
        names = sorted(entry.name for entry in os.scandir(inner) if not entry.name.startswith("."))
        for name in names[:MOST_FILES]:
            if name.lower().endswith(SUFFIXES):
                yield Found(inner / name, answer)
