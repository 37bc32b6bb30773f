"""The user's configuration file, in TOML:

    saves = "~/networks"
    threads = 1
    vi = true

    [alias]
    quick = "n; t 2e; ch all"

An error in it is reported in one line and otherwise ignored: it never stops the program.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TEXTS, NUMBERS, SWITCHES = ("saves", "data"), ("seed", "threads"), ("plain", "yes", "no-color")
"""Keys that are also command-line flags, by type."""
KEYS = (*TEXTS, *NUMBERS, *SWITCHES, "vi", "alias")

MAX_BYTES, MAX_LINE = 1 << 16, 1000
"""Limits for parsing: a dotted key with thousands of parts on one line would take gigabytes."""
_WORD = re.compile(r"[^\s;'\"#]{1,40}")


@dataclass
class Config:
    """The content of the file. flags: in command-line form. warnings: the errors in it."""

    path: Path
    flags: list[str] = field(default_factory=list)
    vi: bool = False
    aliases: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read_config(path: Path, taken: Callable[[], Collection[str]]) -> Config:
    """Reads the file at `path`, if it exists. taken(): returns the words that are commands.

    Never raises; errors are added to the warnings.
    """
    config = Config(path)
    try:
        fields = _toml(path)
    except FileNotFoundError:
        return config
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        config.warnings.append(f"{path} cannot be read: {reason}. The defaults are used")
        return config
    for key, value in fields.items():
        try:
            _take(config, key, value, taken)
        except ValueError as error:
            config.warnings.append(f"{path}: {error}. It is ignored")
    return config


def _toml(path: Path) -> dict[str, Any]:
    """Parses a TOML file. Raises OSError, and ValueError if it is not valid TOML."""
    import tomllib

    if not path.exists():
        raise FileNotFoundError
    if not path.is_file():  # opening a named pipe would block
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES or max(map(len, data.splitlines()), default=0) > MAX_LINE:
        raise ValueError(
            f"it is too large for settings: more than {MAX_BYTES >> 10} KiB, or a line of more "
            f"than {MAX_LINE:,} characters"
        )
    try:
        return tomllib.loads(data.decode())
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _take(config: Config, key: str, value: Any, taken: Callable[[], Collection[str]]) -> None:
    """Stores one field in `config`. Raises ValueError for an invalid one."""
    is_value = isinstance(value, str) if key in TEXTS else type(value) is int
    if key in TEXTS and is_value and "\0" in value:
        raise ValueError(f"{key} is not a path: {value!r}")
    if key in (*TEXTS, *NUMBERS) and is_value:
        config.flags += [f"--{key}={value}"]
    elif key in SWITCHES and isinstance(value, bool):
        config.flags += [f"--{key}"] * value
    elif key == "vi" and isinstance(value, bool):
        config.vi = value
    elif key == "alias" and isinstance(value, dict):
        _take_aliases(config, value, taken())
    elif key in KEYS:
        kind = {**dict.fromkeys(TEXTS, "a text"), **dict.fromkeys(NUMBERS, "a whole number")}
        kind["alias"] = "a table, [alias]"
        raise ValueError(f"{key} is {kind.get(key, 'true or false')}, not {value!r}")
    else:
        raise ValueError(f"{key!r} is not a setting. There are: {', '.join(KEYS)}")


def _take_aliases(config: Config, table: Mapping[str, Any], taken: Collection[str]) -> None:
    """Stores the valid aliases in `config`, and adds warnings about the others."""
    for word, line in table.items():
        if word in taken:
            reason = "is a command already"
        elif not _WORD.fullmatch(word):
            reason = "is not one word"
        elif not isinstance(line, str) or not line.strip():
            reason = f"is a text of commands, not {line!r}"
        else:
            config.aliases[word] = line
            continue
        config.warnings.append(f"{config.path}: alias {word!r} {reason}. It is ignored")
