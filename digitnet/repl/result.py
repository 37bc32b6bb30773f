"""What a command returns, and what it reports while it works: each knows how it looks."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from math import floor
from typing import Annotated, Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

from digitnet.repl.pictures import Drawn, View


@runtime_checkable
class Result(Protocol):
    """The result of a command, which can be displayed and converted to JSON."""

    def as_json(self) -> dict[str, Any]:
        """The fields of the JSON object."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult: ...


T = TypeVar("T")

SCREEN_ONLY, MERGED = "screen only", "merged"

ScreenOnly: TypeAlias = Annotated[T, SCREEN_ONLY]
"""Marks a field of a Record that is displayed but not part of the JSON."""

Merged: TypeAlias = Annotated[T, MERGED]
"""Marks a field of a Record whose own fields are among those of the JSON."""


class Record(Drawn):
    """Base class of results: dataclasses whose JSON is made of their fields."""

    def as_json(self) -> dict[str, Any]:
        """All fields except ScreenOnly ones; those in a Merged one instead of it."""
        mine: Any = self
        values: dict[str, Any] = {}
        for field in fields(mine):
            marks = getattr(field.type, "__metadata__", ())
            if MERGED in marks:
                values |= _as_data(getattr(self, field.name))
            elif SCREEN_ONLY not in marks:
                values[field.name] = _as_data(getattr(self, field.name))
        return values


def _as_data(value: Any) -> Any:
    if hasattr(value, "as_json"):
        return value.as_json()
    if isinstance(value, list | tuple):
        return [_as_data(each) for each in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@dataclass(frozen=True)
class Note(Drawn):
    """What a long command has done so far, for `Session.report`: a sentence or a picture.

    lasting: whether it stays on the screen, instead of being replaced by the next one. milestone:
    what to print instead if the output cannot be redrawn; None for nothing.
    """

    shown: RenderableType
    lasting: bool = True
    milestone: RenderableType | None = None


@dataclass(frozen=True)
class Said(Record):
    """A result without a class of its own. shown: what it looks like, or what draws it in a view.
    fields: its JSON.
    """

    shown: ScreenOnly[RenderableType | Callable[[View], RenderResult]]
    fields: Merged[Mapping[str, Any]]


@dataclass
class Milestones:
    """Chooses the reports that are printed where nothing is redrawn: some `most`, evenly spaced."""

    most: int
    _next: float = 0.0

    def is_due(self, part: float) -> bool:
        """Whether to print the report after this fraction of the work."""
        if part < self._next:
            return False
        self._next = (floor(part * self.most) + 1) / self.most
        return True
