"""The commands. Importing this package puts them all into the table `command.COMMANDS`.

Every module in this folder is one of theirs: a new file is found by itself.
"""

from importlib import import_module
from pkgutil import iter_modules

for _module in sorted(module.name for module in iter_modules(__path__)):
    import_module(f"{__name__}.{_module}")
