"""The contents of a save file. A file is written only if it can be read back."""

from digitnet.registry import files
from digitnet.registry.codec import Document, decode, encode
from digitnet.registry.errors import DamagedSave, RegistryError
from digitnet.registry.model import Model
from digitnet.registry.seal import seal, unseal
from digitnet.registry.study_document import read_document
from digitnet.registry.study_record import StudyRecord


def contents(data: bytes) -> Model | StudyRecord:
    """Returns the network or the study in the bytes of a file. Raises DamagedSave."""
    payload = unseal(data)
    del data  # free the memory early
    document = decode(payload)
    del payload
    return read_document(document)


def sealed(document: Document) -> bytes:
    """Returns the bytes of the file for a document.

    Raises RegistryError if they could not be read back.
    """
    name = document["name"]
    try:
        data = seal(encode(document))
        del document  # free its arrays before the copies are read back
        if len(data) > files.MAX_BYTES:
            raise ValueError(f"it would be larger than {files.MAX_BYTES >> 20} MiB")
        contents(data)
    except (DamagedSave, TypeError, ValueError) as error:
        raise RegistryError(f"{name!r} cannot be saved: {error}; nothing was saved") from None
    return data
