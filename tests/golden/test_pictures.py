"""The README's pictures are what the program shows."""

from pathlib import Path

import pytest
from pictures import PICTURES, svg


@pytest.fixture(autouse=True)
def a_terminal_with_all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


@pytest.mark.parametrize("name", PICTURES)
def test_picture(name: str) -> None:
    make, title = PICTURES[name]
    kept = (Path(__file__).parent / f"{name}.svg").read_text(encoding="utf-8")
    assert svg(make(), title) == kept, "python tests/golden/pictures.py draws it anew"
    readme = Path(__file__).parents[2] / "README.md"
    assert f"(tests/golden/{name}.svg)" in readme.read_text("utf-8")
