"""Decides when unsaved training is autosaved, and when an autosave is discarded."""

from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digitnet.registry.model import Model
    from digitnet.registry.recovery import Recovery

BUSY_SECONDS = 60.0
"""Interval of autosaves while a command is training."""
IDLE_SECONDS = 5.0
"""Minimum interval of autosaves between commands."""


class Unfinished:
    """The unsaved training of a session, and its autosaves."""

    def __init__(self, saves: Path) -> None:
        """Touches no file."""
        self._saves = saves
        self._recovery: Recovery | None = None
        self._last = monotonic()
        self._autosaved_state: tuple[int, int] | None = None
        self._last_warning = ""

    @property
    def recovery(self) -> "Recovery":
        """The recovery file, created when first needed."""
        from digitnet.registry.recovery import Recovery

        if self._recovery is None:
            self._recovery = Recovery(self._saves)
        return self._recovery

    def has_orphans(self) -> bool:
        """Whether another process left training behind when it ended."""
        if not any((self._saves / ".recovery").glob("[0-9]*.pickle")):
            return False  # the usual case, without importing anything
        return bool(self.recovery.orphans())

    def during_command(self, model: "Model | None") -> None:
        """Call this often while a command is running."""
        if model is not None and monotonic() - self._last >= BUSY_SECONDS:
            self.autosave(model)

    def after_command(self, model: "Model | None", unsaved: int) -> None:
        """Call this after each command. unsaved: the number of unsaved mini-batches."""
        if model is None or not unsaved:
            self.forget()
        elif monotonic() - self._last >= IDLE_SECONDS and self._autosaved_state != _state(model):
            self.autosave(model)

    def at_exit(self, model: "Model | None", *, meant: bool, asked: bool) -> bool:
        """Call this when the session ends. model: the network in hand, if it is unsaved.

        It is autosaved if the session did not end on purpose (`meant`), or if it was recovered from
        an autosave and the user was not `asked` whether to discard it. Returns whether it was.
        """
        recovered = self._recovery is not None and self._recovery.is_adopted
        if model is None or (meant and (asked or not recovered)):
            self.forget()
            return False
        return self.autosave(model, wait=True)

    def autosave(self, model: "Model", *, wait: bool = False) -> bool:
        """Autosaves now; returns whether the autosave is known to be on disk."""
        kept = self.recovery.autosave(model, wait=wait)
        self._last, self._autosaved_state = monotonic(), _state(model)
        return kept

    @property
    def warning(self) -> str:
        """Why the last autosave failed, in one line; empty if it did not."""
        problem = self._recovery.problem if self._recovery is not None else ""
        return problem and f"the training was not autosaved: {problem}"

    def new_warning(self) -> str:
        """The warning if it differs from the last one returned; otherwise empty."""
        before, self._last_warning = self._last_warning, self.warning
        return "" if self._last_warning == before else self._last_warning

    def release_recovered(self) -> None:
        """Leaves recovered training to the next session, as the user was not asked about it."""
        if self._recovery is not None and self._recovery.is_adopted:
            self._recovery.release()

    def forget(self) -> None:
        """Discards the autosave, because the training was saved or discarded."""
        self._autosaved_state = None
        if self._recovery is not None:
            with suppress(OSError):
                self._recovery.discard()


def _state(model: "Model") -> tuple[int, int]:
    """A value that changes when training goes on or another network is taken in hand."""
    return id(model), model.trainer.progress.batches
