"""The locations of data sets, saves and the user's files."""

from pathlib import Path

from platformdirs import user_cache_path, user_config_path, user_data_path, user_state_path

import digitnet

PACKAGE = Path(digitnet.__file__).parent

CHECKOUT = PACKAGE.parent


def is_checkout() -> bool:
    """Whether the package runs from a checkout, with `saves/` and `data/` beside it."""
    return all((CHECKOUT / name).exists() for name in ("pyproject.toml", "saves", "data"))


def saves_folder() -> Path:
    """The folder of the saves: `saves/` in a checkout, else in the user's data folder."""
    if is_checkout():
        return CHECKOUT / "saves"
    return user_data_path("digitnet", appauthor=False) / "saves"


def included_folder() -> Path:
    """The folder of the networks that come with digitnet."""
    return CHECKOUT / "saves" / "included" if is_checkout() else PACKAGE / "saves"


def cache_folder() -> Path:
    """The folder for downloads."""
    return user_cache_path("digitnet", appauthor=False)


def state_folder() -> Path:
    """The folder of the prompt's history."""
    return user_state_path("digitnet", appauthor=False)


def config_file() -> Path:
    """The path of the user's configuration file, which may not exist."""
    return user_config_path("digitnet", appauthor=False) / "config.toml"


def data_folders(chosen: Path | None) -> list[Path]:
    """The folders searched for data sets: the chosen one, the included data, the cache."""
    here = CHECKOUT / "data" if is_checkout() else PACKAGE / "data"
    return [*([chosen] if chosen else []), here, cache_folder()]
