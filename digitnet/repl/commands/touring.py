"""The tour: `tour`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.session import Session
from digitnet.repl.tour import END, STEPS, Tour

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True)
class TourResult:
    """The first step of the tour; in a script, all of them."""

    said: str

    def as_json(self) -> dict[str, Any]:
        """The text of each step, and what to type."""
        return {"steps": [{"says": step.text, "type": step.type} for step in STEPS]}

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        yield self.said


@command(
    "tour",
    group="This program",
    examples={"tour off": "end the tour", "tour": "start the tour"},
)
def tour(session: Session, off: Annotated[str, kinds.OFF] = "") -> TourResult:
    """Take a two-minute tour: train, check and save a network."""
    if off:
        session.tour = None
        return TourResult("The tour is over; tour begins it anew.")
    if not session.interactive:
        steps = [f"{number}. {step.text}\n   {step.type}" for number, step in enumerate(STEPS, 1)]
        return TourResult("\n".join([*steps, END]))
    session.tour = Tour()
    return TourResult(session.tour.instruction())
