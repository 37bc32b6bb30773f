"""The commands, one file a command or family: what it returns, how it looks and what it does.

Importing this package puts them all into the table `command.COMMANDS`: a new file is found by
itself.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
