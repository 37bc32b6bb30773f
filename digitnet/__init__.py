"""digitnet: build, train, question and keep neural networks that read handwritten digits.

For a program or a notebook: what `digitnet.api` lists is found here, and loaded when first used.
"""

from importlib import import_module

__version__ = "0.1.0"

__all__ = ["Data", "Digit", "Network", "Part", "data", "load", "network", "read", "saves", "show"]


def __getattr__(name: str) -> object:
    """Loads the public face of the package when one of its names is first used."""
    if name not in __all__:
        raise AttributeError(f"module 'digitnet' has no attribute {name!r}")
    return getattr(import_module("digitnet.api"), name)


def __dir__() -> list[str]:
    return __all__
