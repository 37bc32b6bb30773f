"""The house has floors: a room imports from those below, and no two files import each other."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import digitnet

PACKAGE = Path(digitnet.__file__).parent
FLOORS = [
    {"paths"},
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
LATE = {  # the lazy boundary: scripts load no prompt, prompts no numpy, and no one http in vain
    "digitnet.cli": "digitnet.repl.",
    "digitnet.repl.features.data": "digitnet.digits.download",
}


def modules(node: ast.AST) -> set[str]:
    """The modules that a statement imports, and what may be modules."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


@cache
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


def test_imports_run_down_only() -> None:
    for name in FILES:
        _, room, *_ = name.split(".")
        if room in ENTRANCES:
            continue
        (floor,) = (number for number, rooms in enumerate(FLOORS) if room in rooms)
        reachable = ENTRANCES.union(*FLOORS[: floor + 1])
        for module in files_imported(name):
            assert module.split(".")[1] in reachable, f"{name} imports {module}"
        tops = {module.split(".")[0] for module in imports(name)}
        assert room in ("repl", "cli") or not tops & {"rich", "prompt_toolkit"}, name
        if room in ("engine", "insight"):
            files = {"pickle", "io", "pathlib", "pooch", "filelock", "platformdirs"}
            assert not tops & files, name


def test_no_two_files_import_each_other() -> None:
    TopologicalSorter({name: files_imported(name) - {name} for name in FILES}).prepare()


def test_imports_stand_at_the_top() -> None:
    for name in FILES:
        late = {module for module in late_imports(name) if module.split(".")[0] not in OPTIONAL}
        assert all(module.startswith(LATE.get(name, "none")) for module in late), name
        assert "typing.TYPE_CHECKING" not in imports(name), name


def test_nothing_in_the_package_unpickles() -> None:
    unpicklers = {"pickle", "cPickle", "marshal", "shelve", "dill", "joblib"}
    assert [name for name in FILES if imports(name) & unpicklers] == []
