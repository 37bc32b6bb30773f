"""The pictures of the README and of docs/ are what the program shows."""

from pathlib import Path

import pytest
from pictures import PICTURES, SIZE

from digitnet.repl.pictures.file import drawing_of_screen


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str) -> None:
    make, title = PICTURES[name]
    kept = (Path(__file__).parent / f"{name}.svg").read_bytes()
    drawn = drawing_of_screen(make(), title, *SIZE).svg()
    assert drawn == kept, "python tests/golden/pictures.py draws it anew"
    root = Path(__file__).parents[2]
    pages = [root / "README.md", root / "docs" / "commands.md"]
    assert any(f"tests/golden/{name}.svg)" in page.read_text("utf-8") for page in pages)
