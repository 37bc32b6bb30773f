"""The house has floors: a room imports only from those below, and few know the terminal."""

import ast
from pathlib import Path

import pytest

import digitnet

PACKAGE = Path(digitnet.__file__).parent
FLOORS = [
    "paths",
    "engine",
    "insight",
    "digits",
    "registry",
    "recipes",
    "study",
    "config",
    "repl",
    "flags",
    "cli",
]
TERMINAL = {"rich", "prompt_toolkit"}
FILES = sorted(PACKAGE.rglob("*.py"))


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or later."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_down_only(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room in ("__init__", "__main__"):
        return
    assert room in FLOORS
    below = FLOORS[: FLOORS.index(room) + 1]
    for module in imports(path):
        top, *rest = module.split(".")
        if top == "digitnet" and rest and rest[0] in FLOORS:
            assert rest[0] in below, f"{path.name} imports {module} from above"
        if top in TERMINAL:
            assert room in ("repl", "cli"), f"{path.name} imports {module}"
        if room in ("engine", "insight"):
            assert top not in {"pickle", "io", "pathlib", "pooch", "filelock", "platformdirs"}


def test_nothing_in_the_package_unpickles() -> None:
    for path in FILES:
        assert not imports(path) & {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib"}
