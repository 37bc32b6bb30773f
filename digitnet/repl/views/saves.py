"""The list of saved networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from digitnet.repl.errors import printable
from digitnet.repl.views.tables import rows
from digitnet.repl.views.words import percent, size, when

if TYPE_CHECKING:
    from digitnet.registry.listing import Entry

TABLE_WIDTH = 76
"""On narrower screens each network has lines of its own."""


def saves(entries: "Sequence[Entry]", in_hand: str, width: int) -> RenderableType:
    """The whole ones, then a line for each damaged one. `*` marks the one in hand."""
    if not entries:
        return Text("There are no saved networks yet: pas NAME saves the one in hand.")
    whole = [entry for entry in entries if not entry.damaged]
    lines = [_cells(entry, in_hand) for entry in whole]
    damaged = [
        Text(printable(f"damaged: {entry.file}: {entry.damaged}", 400), "yellow")
        for entry in entries
        if entry.damaged
    ]
    if width < TABLE_WIDTH:
        narrow: list[RenderableType] = []
        for name, *rest in lines:
            narrow += [
                Text(name, "bold"),
                Padding(Text(", ".join(cell for cell in rest if cell)), (0, 0, 0, 2)),
            ]
        return Group(*narrow, *damaged)
    headings = ("name", "shape", "trained", "accuracy", "on", "size", "saved")
    table = rows(headings, lines, right="trained accuracy size", whole="shape saved")
    return Group(*([table] if whole else []), *damaged)


def _short(shape: str) -> str:
    """A shape, without the middle of a very long one."""
    return shape if len(shape) <= 24 else f"{shape[:12]}...{shape[-9:]}"


def _cells(entry: "Entry", in_hand: str) -> tuple[str, ...]:
    """What a line says of a network; `trained` counts mini-batches."""
    return (
        entry.name + (" *" if entry.name == in_hand else ""),
        _short(entry.shape),
        f"{entry.trained_batches:,}" if entry.kind == "network" else "",
        "" if entry.accuracy is None else percent(entry.accuracy),
        entry.measured_on,
        size(entry.bytes),
        when(entry.saved_at),
    )
