"""Names of saves, and the names of their files.

A name may contain slashes, dots, or letters that a file system does not distinguish, so it is not
used as a file name. The file name is a short readable slug and a hash of the name: different names
have different files on any file system, and no name leads out of the folder.
"""

import re
from hashlib import sha256
from unicodedata import normalize

MAX_LENGTH = 64


def clean_name(text: str) -> str:
    """Returns `text` in NFC and without surrounding spaces, 1 to 64 printable characters.

    Raises ValueError, with the reason, if it is not a valid name.
    """
    name = normalize("NFC", text[: 16 * MAX_LENGTH]).strip()
    if not name:
        raise ValueError("a name has at least one character")
    if len(name) > MAX_LENGTH:
        raise ValueError(f"a name has at most {MAX_LENGTH} characters")
    if not name.isprintable():
        raise ValueError("a name is made of printable characters only")
    return name


def file_name(name: str) -> str:
    """The file name of the save called `name`."""
    ascii_only = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:24].strip("-") or "network"
    return f"{slug}-{sha256(name.encode()).hexdigest()[:16]}.pickle"


IS_SAVE = re.compile(r"[a-z0-9-]{1,24}-[0-9a-f]{16}\.pickle")
"""The pattern of the file names of saves."""
