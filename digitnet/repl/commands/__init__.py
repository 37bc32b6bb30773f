"""The commands. Importing this package puts them all into the table `command.COMMANDS`."""

from digitnet.repl.commands import (
    checking,
    helping,
    looking,
    making,
    minimizing,
    plotting,
    saving,
    touring,
    training,
)

__all__ = [
    "checking",
    "helping",
    "looking",
    "making",
    "minimizing",
    "plotting",
    "saving",
    "touring",
    "training",
]
