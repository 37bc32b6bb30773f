"""What the tests of digits' files share: files in IDX format, and what is said of bad ones."""

import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from digitnet.digits.idx import BadData, read_idx


def header(*shape: int, zeros: bytes = b"\0\0", kind: int = 8, dimensions: int = 0) -> bytes:
    return zeros + struct.pack(f">BB{len(shape)}I", kind, dimensions or len(shape), *shape)


def idx(array: NDArray[np.uint8]) -> bytes:
    return header(*array.shape) + array.tobytes()


def written(folder: Path, content: bytes) -> Path:
    path = folder / "pictures"
    path.unlink(missing_ok=True)  # to overwrite is slow: some file systems then wait for the disk
    path.write_bytes(content)
    return path


def reason_of(path: Path, dimensions: int = 3, digest: str | None = None) -> str:
    """What the reader says is wrong with a file, once it has named the file, all in one line."""
    with pytest.raises(BadData) as caught:
        read_idx(path, dimensions, digest)
    assert type(caught.value) is BadData
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message.removeprefix(f"{path}: ")
