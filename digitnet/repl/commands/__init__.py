"""The commands. Importing this package puts them all into the table `command.COMMANDS`."""

from digitnet.repl.commands import (
    checking,
    helping,
    looking,
    making,
    minimizing,
    saving,
    training,
)

__all__ = ["checking", "helping", "looking", "making", "minimizing", "saving", "training"]
