"""The commands. Importing this package puts them all into the table `command.COMMANDS`."""

from digitnet.repl.commands import (
    checking,
    exchanging,
    helping,
    looking,
    making,
    minimizing,
    plotting,
    recovering,
    saving,
    touring,
    training,
    undoing,
)

__all__ = [
    "checking",
    "exchanging",
    "helping",
    "looking",
    "making",
    "minimizing",
    "plotting",
    "recovering",
    "saving",
    "touring",
    "training",
    "undoing",
]
