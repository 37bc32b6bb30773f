"""A finding: the code of a fault, with the figures that show it."""

from collections.abc import Mapping
from dataclasses import dataclass

Figures = Mapping[str, float | int | str]
"""Name → a number, or a word such as a layer's text."""


@dataclass(frozen=True)
class Finding:
    """A fault that was found. The prompt words the message."""

    code: str
    figures: Figures
