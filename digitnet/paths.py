"""Where data sets and saves are."""

from pathlib import Path

import digitnet

PACKAGE = Path(digitnet.__file__).parent
CHECKOUT = PACKAGE.parent


def is_checkout() -> bool:
    """Whether the package runs from a checkout, with `saves/` and `data/` beside it."""
    return all((CHECKOUT / name).exists() for name in ("pyproject.toml", "saves", "data"))


def saves_folder() -> Path:
    """Where networks are saved: the checkout's `saves/`, or the user's data folder."""
    if is_checkout():
        return CHECKOUT / "saves"
    from platformdirs import user_data_path

    return user_data_path("digitnet", appauthor=False) / "saves"


def included_folder() -> Path:
    """Where the networks are that come with digitnet."""
    return CHECKOUT / "saves" / "included" if is_checkout() else PACKAGE / "saves"


def cache_folder() -> Path:
    """Where downloads go."""
    from platformdirs import user_cache_path

    return user_cache_path("digitnet", appauthor=False)


def state_folder() -> Path:
    """Where the prompt keeps what was typed."""
    from platformdirs import user_state_path

    return user_state_path("digitnet", appauthor=False)


def config_file() -> Path:
    """Where the user's own defaults are, if there are any."""
    from platformdirs import user_config_path

    return user_config_path("digitnet", appauthor=False) / "config.toml"


def data_folders(chosen: Path | None) -> list[Path]:
    """Where data sets are looked for: the chosen folder, what is included, the cache."""
    here = CHECKOUT / "data" if is_checkout() else PACKAGE / "data"
    return [*([chosen] if chosen else []), here, cache_folder()]
