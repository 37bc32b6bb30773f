"""What the tests of documents share: a whole one, and how to spoil it in one place."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from registry_helpers import rich

from digitnet.registry.codec import decode, encode
from digitnet.registry.files import DamagedSave
from digitnet.registry.schema import from_document, to_document

Place = tuple[str | int, ...]  # the keys that lead to a value in a document
WHOLE = to_document(rich(), "x")  # a document in which every field has something


def with_change(path: Place, value: Any) -> Any:
    document = copy.deepcopy(WHOLE)
    holder_of(document, path)[path[-1]] = value
    return document


def holder_of(document: Any, path: Place) -> Any:
    for key in path[:-1]:
        document = document[key]
    return document


def places(value: Any, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """The path of every value in a document, as keys and indices."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        yield (*path, key), item
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def refused(document: Any) -> str:
    """The reason for which a document is refused after encoding and decoding."""
    with pytest.raises(DamagedSave) as caught:
        from_document(decode(encode(document)))
    return str(caught.value)
