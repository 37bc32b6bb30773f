"""A finding: what is wrong, by a code, with the figures that show it."""

from collections.abc import Mapping
from dataclasses import dataclass

Figures = Mapping[str, float | int | str]
"""Name → a number, or a word such as a layer's."""


@dataclass(frozen=True)
class Finding:
    """A fault that was found. The words for it are the prompt's affair."""

    code: str
    figures: Figures
