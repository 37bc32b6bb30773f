"""Reports: how a long computation says what it has done, is asked to stop, or refuses to begin.

A long computation takes `report`, a function. It calls it with each thing worth showing, and with
None where there is nothing to show. The function asks it to stop by raising Stopped. A computation
that has something to keep catches it and returns what it has; any other lets it pass.
"""

from collections.abc import Callable
from typing import Any

Report = Callable[[Any], None]  # called with what was done; raises Stopped to end the computation


class Stopped(Exception):
    """Raised by a report to ask the computation that called it to stop."""


class Refused(Exception):
    """What was asked cannot be done; the message is one line for whoever asked, and says why."""


class Unfit(Refused, ValueError):
    """A network, cases and settings do not fit together; the message says what to do, too."""


def ignore(done: object) -> None:
    """A report to nobody, which never asks to stop."""
