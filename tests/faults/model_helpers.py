"""A process that dies in the midst of a change."""

import os
from collections.abc import Callable
from typing import Any

from digitnet.registry.files import RegistryError

KILLED, REFUSED = 9, 7
STEPS = ("replace", "link", "unlink", "fsync", "mkdir")
"""The system calls before and after which a process may die."""


def dying(act: Callable[[], Any], calls: int, *, after: bool) -> int:
    """Does something in a process of its own, which dies before or after so many calls.

    Returns how it ended: KILLED, REFUSED or 0.
    """
    child = os.fork()
    if child == 0:
        try:
            _die_at(calls, after)
            act()
            os._exit(0)
        except RegistryError:
            os._exit(REFUSED)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _die_at(calls: int, after: bool) -> None:
    """From now on, so many of STEPS end this process."""
    left = calls

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **how: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                os._exit(KILLED)
            result = real(*args, **how)
            if left == 0:
                os._exit(KILLED)
            return result

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
