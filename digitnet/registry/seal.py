"""The footer after the pickle, for detecting damage: magic, version, length and SHA-256.

`pickle` stops reading at the end of the pickle, so the footer does not disturb other readers. The
checksum covers the pickle and the other fields of the footer, so every bit is protected.
"""

import struct
from hashlib import sha256

from digitnet.registry.errors import DamagedSave, NewerFormat

MAGIC = b"DIGITNET"
VERSION = 2
"""The format version written. All versions from 1 on are read."""
_FIELDS = struct.Struct(">8sHQ")
_SUM_BYTES = 32
FOOTER_BYTES = _FIELDS.size + _SUM_BYTES


def seal(payload: bytes) -> bytes:
    """Returns the payload with its footer."""
    fields = _FIELDS.pack(MAGIC, VERSION, len(payload))
    return payload + fields + _sum(payload, fields)


def unseal(data: bytes) -> bytes:
    """Returns the payload of sealed data. Raises DamagedSave, naming what is wrong."""
    payload = data[:-FOOTER_BYTES]
    footer = data[-FOOTER_BYTES:]
    if len(footer) < FOOTER_BYTES or not footer.startswith(MAGIC):
        raise DamagedSave("it is cut short or has something after its end (no footer)")
    fields, found_sum = footer[: _FIELDS.size], footer[_FIELDS.size :]
    _, version, length = _FIELDS.unpack(fields)
    if length != len(payload):
        raise DamagedSave(f"it should have {length:,} bytes and has {len(payload):,}")
    if found_sum != _sum(payload, fields):
        raise DamagedSave("its content changed after it was written (SHA-256 differs)")
    if not 1 <= version <= VERSION:
        raise NewerFormat(
            f"it has format {version}, and this digitnet reads formats 1 to {VERSION}: "
            "a newer digitnet can open it"
        )
    return payload


def _sum(payload: bytes, fields: bytes) -> bytes:
    """SHA-256 of `payload` followed by `fields`."""
    digest = sha256(payload)
    digest.update(fields)
    return digest.digest()
