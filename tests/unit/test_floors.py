"""The house has floors: a room imports from those below, and no two files import each other."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import digitnet

PACKAGE = Path(digitnet.__file__).parent
FLOORS = [
    {"lazy", "paths"},
    {"engine"},
    {"insight"},
    {"digits"},
    {"registry"},
    {"recipes"},
    {"study"},
    {"charts"},
    {"display", "estimator"},
    {"api"},
    {"flags", "repl"},
    {"cli"},
]
ENTRANCES = {"__init__", "__main__"}
FILES = {
    ".".join(("digitnet", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}
OPTIONAL = {"onnx", "safetensors", "distributed", "sklearn"}
every_file = pytest.mark.parametrize("name", FILES)


def modules(node: ast.AST) -> set[str]:
    """The modules that a statement imports, and what may be modules."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def imports(name: str) -> set[str]:
    return set().union(*map(modules, ast.walk(TREES[name])))


def files_imported(name: str) -> set[str]:
    """The files of the package that a file imports."""
    found = imports(name)
    return FILES.keys() & (found | {f"{module}.__init__" for module in found})


def late_imports(name: str) -> Iterator[str]:
    """The modules that are imported inside a function."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for inside in ast.walk(node):
                yield from modules(inside)


@every_file
def test_imports_run_down_only(name: str) -> None:
    _, room, *_ = name.split(".")
    if room in ENTRANCES:
        return
    (floor,) = (number for number, rooms in enumerate(FLOORS) if room in rooms)
    reachable = ENTRANCES.union(*FLOORS[: floor + 1])
    for module in files_imported(name):
        assert module.split(".")[1] in reachable, f"{name} imports {module}"
    tops = {module.split(".")[0] for module in imports(name)}
    assert room in ("repl", "cli") or not tops & {"rich", "prompt_toolkit"}
    if room in ("engine", "insight"):
        assert not tops & {"pickle", "io", "pathlib", "pooch", "filelock", "platformdirs"}


def test_no_two_files_import_each_other() -> None:
    TopologicalSorter({name: files_imported(name) - {name} for name in FILES}).prepare()


@every_file
def test_imports_stand_at_the_top(name: str) -> None:
    late = {module for module in late_imports(name) if module.split(".")[0] not in OPTIONAL}
    if name == "digitnet.cli":  # the one lazy boundary: scripts load no prompt, prompts no numpy
        late = {module for module in late if not module.startswith("digitnet.repl.")}
    assert not late
    assert "typing.TYPE_CHECKING" not in imports(name)


@every_file
def test_nothing_in_the_package_unpickles(name: str) -> None:
    assert not imports(name) & {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib"}
