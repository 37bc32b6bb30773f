"""Modules that are loaded when first used: scipy's take as long to import as all of digitnet."""

import sys
from importlib.util import LazyLoader, find_spec, module_from_spec
from typing import Any


def lazy(name: str) -> Any:
    """The module of this name, which is loaded when one of its attributes is first used."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    assert spec and spec.loader
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    package, _, inner = name.rpartition(".")
    if package:  # as import does
        setattr(sys.modules[package], inner, module)
    spec.loader.exec_module(module)
    return module
