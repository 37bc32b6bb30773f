"""Names of networks, and the files they are kept in.

A file is never called by the network's name itself: names may hold slashes, dots or letters that
a file system treats alike. It is called by a short readable slug and a hash of the name, so no
two names share a file, on any file system, and none leaves the folder.
"""

import re
from hashlib import sha256
from unicodedata import normalize

LONGEST = 64


def clean_name(text: str) -> str:
    """The name that `text` stands for: NFC, without spaces around it, 1 to 64 printable characters.

    Raises ValueError, with the reason, where it cannot be a name.
    """
    name = normalize("NFC", text[: 16 * LONGEST]).strip()
    if not name:
        raise ValueError("a name has at least one character")
    if len(name) > LONGEST:
        raise ValueError(f"a name has at most {LONGEST} characters")
    if not name.isprintable():
        raise ValueError("a name is made of printable characters only")
    return name


def file_name(name: str) -> str:
    """The name of the file for the network called `name`."""
    ascii_only = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:24].strip("-") or "network"
    return f"{slug}-{sha256(name.encode()).hexdigest()[:16]}.pickle"


IS_SAVE = re.compile(r"[a-z0-9-]{1,24}-[0-9a-f]{16}\.pickle")
"""What every file of a network is called like."""
