"""When unsaved training is autosaved, and when the autosave is no longer needed."""

from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitnet.registry.model import Model
    from digitnet.registry.recovery import Recovery

EVERY = 60.0
"""Seconds of a command at work between two autosaves of its training."""
RARELY = 5.0
"""Between commands it is autosaved no more often than this, in seconds."""


class Unfinished:
    """The training of this session that no save has."""

    def __init__(self, saves: Path) -> None:
        """Touches no file."""
        self._saves = saves
        self._recovery: Recovery | None = None
        self._last = monotonic()
        self._kept: tuple[int, int] | None = None
        self._told = ""

    @property
    def recovery(self) -> "Recovery":
        """Where it is autosaved."""
        from digitnet.registry.recovery import Recovery

        if self._recovery is None:
            self._recovery = Recovery(self._saves)
        return self._recovery

    def is_left(self) -> bool:
        """Whether a program that is no more left training behind."""
        if not any((self._saves / ".recovery").glob("[0-9]*.pickle")):
            return False  # without loading anything
        return bool(self.recovery.orphans())

    def while_working(self, named: "Model | None") -> None:
        """To be called often while a command trains this network."""
        if named is not None and monotonic() - self._last >= EVERY:
            self.autosave(named)

    def after_a_command(self, named: "Model | None", unsaved: int) -> None:
        """To be called after each command, with how many mini-batches no save has."""
        if named is None or not unsaved:
            self.forget()
        elif monotonic() - self._last >= RARELY and self._kept != _state(named):
            self.autosave(named)

    def at_the_end(self, named: "Model | None", *, meant: bool, asked: bool) -> bool:
        """To be called when the session ends; `named` if it is not saved.

        It is autosaved where the session was not meant to end, or where it had been autosaved
        before and the person was not asked whether to discard it. Returns whether it is.
        """
        recovered = self._recovery is not None and self._recovery.is_adopted
        if named is None or (meant and (asked or not recovered)):
            self.forget()
            return False
        return self.autosave(named, wait=True)

    def autosave(self, named: "Model", *, wait: bool = False) -> bool:
        """Puts it aside now; whether it is on the disk already."""
        kept = self.recovery.autosave(named, wait=wait)
        self._last, self._kept = monotonic(), _state(named)
        return kept

    @property
    def complaint(self) -> str:
        """Why the latest autosave was not written, in a line; empty where it was."""
        problem = self._recovery.problem if self._recovery is not None else ""
        return problem and f"the training was not autosaved: {problem}"

    def new_complaint(self) -> str:
        """The complaint, where it is another than the last time; empty otherwise."""
        before, self._told = self._told, self.complaint
        return "" if self._told == before else self._told

    def leave_what_was_recovered(self) -> None:
        """The person was not asked whether to discard it: the next session finds it."""
        if self._recovery is not None and self._recovery.is_adopted:
            self._recovery.release()

    def forget(self) -> None:
        """It is saved, or given up."""
        self._kept = None
        if self._recovery is not None:
            with suppress(OSError):
                self._recovery.discard()


def _state(named: "Model") -> tuple[int, int]:
    """What tells whether training went on, or another network was taken in hand."""
    return id(named), named.trainer.progress.batches
