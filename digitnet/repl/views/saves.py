"""The list of saved networks."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from digitnet.repl.errors import printable
from digitnet.repl.views.tables import GAP, PlainRows, rows
from digitnet.repl.views.words import percent, size, when

if TYPE_CHECKING:
    from digitnet.registry.listing import Entry

HEADINGS = ("name", "shape", "trained", "accuracy", "on", "size", "saved")
OPTIONAL = ("size", "saved")
"""Columns to leave out if the screen is too narrow, in this order."""


NUMBERS = "trained accuracy size"
MANY = 500
"""Longer lists are printed without rich's table, which takes seconds for thousands of rows."""


def saves(entries: "Sequence[Entry]", in_hand: str, width: int) -> RenderableType:
    """The list of saves, then a line for each damaged one. `*` marks the one in hand.

    A table if it fits; otherwise several lines for each network.
    """
    if not entries:
        return Text("There are no saved networks yet: pas NAME saves the one in hand.")
    cells = [_cells(entry, in_hand) for entry in entries if not entry.damaged]
    damaged = [
        Text(printable(f"damaged: {entry.file}: {entry.damaged}", 400), "yellow")
        for entry in entries
        if entry.damaged
    ]
    if not cells:
        return Group(*damaged)
    for dropped in range(len(OPTIONAL) + 1):
        shown = [heading for heading in HEADINGS if heading not in OPTIONAL[:dropped]]
        lines = [[line[heading] for heading in shown] for line in cells]
        if _width([shown, *lines]) <= width:
            if len(lines) > MANY:
                return Group(PlainRows(shown, lines, right=NUMBERS), *damaged)
            return Group(rows(shown, lines, right=NUMBERS, whole="shape saved"), *damaged)
    narrow: list[RenderableType] = []
    for line in cells:
        name, *rest = line.values()
        narrow += [
            Text(name, "bold"),
            Padding(Text(", ".join(cell for cell in rest if cell)), (0, 0, 0, 2)),
        ]
    return Group(*narrow, *damaged)


def _width(lines: Sequence[Sequence[str]]) -> int:
    """The width of a table of these lines."""
    columns = zip(*lines, strict=True)
    return sum(max(cell_len(cell) for cell in column) + GAP for column in columns) - GAP


def _short(shape: str) -> str:
    """A shape; a very long one without its middle."""
    return shape if len(shape) <= 22 else f"{shape[:11]}...{shape[-8:]}"


def _cells(entry: "Entry", in_hand: str) -> dict[str, str]:
    """The cells of a save, by heading; `trained` counts mini-batches; a committee has none."""
    texts = (
        entry.name + (" *" if entry.name == in_hand else ""),
        _short(entry.shape),
        f"{entry.trained_batches:,}" if entry.trained_batches else "",
        "" if entry.accuracy is None else percent(entry.accuracy),
        entry.measured_on,
        size(entry.bytes),
        "included" if entry.included else when(entry.saved_at),
    )
    return dict(zip(HEADINGS, texts, strict=True))
