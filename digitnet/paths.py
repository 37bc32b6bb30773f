"""The locations of data sets, saves and the user's files; the environment can change them."""

import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any

from platformdirs import user_cache_path, user_config_path, user_data_path, user_state_path

import digitnet

PACKAGE = Path(digitnet.__file__).parent

CHECKOUT = PACKAGE.parent


NOWHERE = Path(os.devnull)
"""Stands for the home of a user without one: nothing is below it, and nothing can be written."""


def _of_user(find: Callable[..., Path]) -> Path:
    """One of the user's folders, as a function of platformdirs finds it."""
    try:
        place = find("digitnet", appauthor=False)
    except RuntimeError:  # no home; earlier versions return a relative path
        return NOWHERE / "digitnet"
    return place if place.is_absolute() else NOWHERE / "digitnet"


def is_checkout() -> bool:
    """Whether the package runs from a checkout, with `saves/` and `data/` beside it."""
    return (CHECKOUT / "saves" / "included").exists()


def saves_folder() -> Path:
    """The folder of the saves: `saves/` in a checkout, else in the user's data folder."""
    beside = CHECKOUT if is_checkout() else _of_user(user_data_path)
    return Path(_chosen("saves") or beside / "saves")


def included_folder() -> Path:
    """The folder of the networks that come with digitnet."""
    return CHECKOUT / "saves" / "included" if is_checkout() else PACKAGE / "saves"


def cache_folder() -> Path:
    return _of_user(user_cache_path)


def state_folder() -> Path:
    return _of_user(user_state_path)


MAX_BYTES, MAX_LINE = 1 << 16, 1000
"""Limits for parsing: a dotted key with thousands of parts on one line would take gigabytes."""


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    named = environ.get("DIGITNET_CONFIG")
    return Path(named) if named else _of_user(user_config_path) / "config.toml"


def read_toml(path: Path) -> dict[str, Any]:
    """Parses a TOML file. Raises OSError, and ValueError if it is not valid TOML."""
    if not S_ISREG(path.stat().st_mode):  # opening a named pipe would block
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES or max(map(len, data.splitlines()), default=0) > MAX_LINE:
        raise ValueError(
            f"it is too large for settings: more than {MAX_BYTES >> 10} KiB, or a line of more "
            f"than {MAX_LINE:,} characters"
        )
    try:
        return tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8 text; save it as UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def checked_folder(option: str, text: str) -> str:
    """The folder that `saves` or `data` names. Raises ValueError if it cannot be one."""
    folder = os.path.expanduser(text)  # noqa: PTH111
    if folder.startswith("~"):
        raise ValueError(f"no home folder is known for {folder.split('/')[0][:40]!r}")
    # os.path returns False for a path that cannot be accessed
    exists = os.path.exists(folder) or option == "data"  # noqa: PTH110
    if "\0" in text or (text and exists and not os.path.isdir(folder)):  # noqa: PTH112
        raise ValueError(f"{folder!r} is not a folder")
    return folder


def _chosen(option: str) -> str:
    """The folder for `saves` or `data` that the environment or the configuration file names."""
    if named := os.environ.get(f"DIGITNET_{option.upper()}"):
        return checked_folder(option, named)
    with suppress(OSError, ValueError, TypeError):  # which the program tells of
        return checked_folder(option, read_toml(config_file()).get(option, ""))
    return ""


def data_folders(chosen: str | Path | None) -> list[Path]:
    """The folders searched for data sets: the chosen one, the included data, the cache."""
    here = CHECKOUT / "data" if is_checkout() else PACKAGE / "data"
    chosen = chosen or _chosen("data")
    return [*([Path(chosen)] if chosen else []), here, cache_folder()]
