"""The locations of data sets, saves and the user's files; the environment can change them."""

import os
from collections.abc import Callable
from pathlib import Path

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
    return all((CHECKOUT / name).exists() for name in ("pyproject.toml", "saves", "data"))


def saves_folder() -> Path:
    """The folder of the saves: `saves/` in a checkout, else in the user's data folder."""
    if chosen := os.environ.get("DIGITNET_SAVES"):
        return Path(chosen).expanduser()
    if is_checkout():
        return CHECKOUT / "saves"
    return _of_user(user_data_path) / "saves"


def included_folder() -> Path:
    """The folder of the networks that come with digitnet."""
    return CHECKOUT / "saves" / "included" if is_checkout() else PACKAGE / "saves"


def cache_folder() -> Path:
    return _of_user(user_cache_path)


def state_folder() -> Path:
    return _of_user(user_state_path)


def config_file() -> Path:
    return _of_user(user_config_path) / "config.toml"


def data_folders(chosen: Path | None) -> list[Path]:
    """The folders searched for data sets: the chosen one, the included data, the cache."""
    here = CHECKOUT / "data" if is_checkout() else PACKAGE / "data"
    if not chosen and (named := os.environ.get("DIGITNET_DATA")):
        chosen = Path(named).expanduser()
    return [*([chosen] if chosen else []), here, cache_folder()]
