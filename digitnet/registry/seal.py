"""The footer after a pickle's end, by which damage is seen: magic, version, length, SHA-256.

`pickle` stops reading at the end of the pickle, so the footer is in no other reader's way. The
sum is taken over the pickle and the footer's other fields, so no single bit is left unguarded.
"""

import struct
from hashlib import sha256

from digitnet.registry.errors import DamagedSave, NewerFormat

MAGIC = b"DIGITNET"
VERSION = 2
"""Of what is written. Everything from format 1 on is read."""
_FIELDS = struct.Struct(">8sHQ")
_SUM_BYTES = 32
FOOTER_BYTES = _FIELDS.size + _SUM_BYTES


def seal(payload: bytes) -> bytes:
    """The payload with its footer."""
    fields = _FIELDS.pack(MAGIC, VERSION, len(payload))
    return payload + fields + _sum(payload, fields)


def unseal(data: bytes) -> bytes:
    """The payload of sealed data. Raises DamagedSave, naming what is wrong."""
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
    """SHA-256 over both, without joining them."""
    digest = sha256(payload)
    digest.update(fields)
    return digest.digest()
