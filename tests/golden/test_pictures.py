"""The README's pictures are what the program shows."""

from pathlib import Path

import pytest
from pictures import PICTURES, SIZE

from digitnet.repl.views.drawn import svg


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str) -> None:
    make, title = PICTURES[name]
    kept = (Path(__file__).parent / f"{name}.svg").read_bytes()
    assert svg(make(), title, *SIZE) == kept, "python tests/golden/pictures.py draws it anew"
    readme = Path(__file__).parents[2] / "README.md"
    assert f"(tests/golden/{name}.svg)" in readme.read_text("utf-8")
