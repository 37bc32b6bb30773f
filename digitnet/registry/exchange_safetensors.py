"""Networks as .safetensors files, for PyTorch and others, written with the safetensors library."""

import json
from typing import Any

from digitnet.engine.types import Array
from digitnet.registry.codec import Document
from digitnet.registry.errors import DamagedSave

ABOUT = "about"
MAX_HEADER = 1 << 20
DTYPES = {"F32": "<f4", "F64": "<f8"}


def write(about: str, arrays: dict[str, Array]) -> bytes:
    """Returns the file: the arrays, and the description in its metadata."""
    from safetensors.numpy import save

    return save(arrays, {ABOUT: about})


def read(data: bytes) -> tuple[str, dict[str, Document]]:
    """Returns the description and the arrays in a file. Raises DamagedSave."""
    from safetensors import SafetensorError, deserialize

    header = int.from_bytes(data[:8], "little")
    if header > MAX_HEADER:
        raise DamagedSave("its header is too long")
    try:
        tensors: list[tuple[str, dict[str, Any]]] = deserialize(data)  # type: ignore[no-untyped-call]
        metadata = json.loads(data[8 : 8 + header]).get("__metadata__") or {}
    except (SafetensorError, ValueError, RecursionError):
        raise DamagedSave("it is not a whole .safetensors file") from None
    if ABOUT not in metadata:
        raise DamagedSave(
            "it has no description of a network: only files written by export can be read"
        )
    return metadata[ABOUT], {
        name: {
            "dtype": DTYPES.get(tensor["dtype"], tensor["dtype"]),
            "shape": list(tensor["shape"]),
            "data": bytes(tensor["data"]),
        }
        for name, tensor in tensors
    }
