"""Commands write what they wrote, to the character, at several widths; and draw what they drew."""

import pictures
import pytest
from rich.cells import cell_len
from sheets import PICTURES, ROOT, SHEETS, SHOWN, SUMS, file_of, text_of
from test_looks import shown

from digitnet.repl.pictures.file import drawing_of_screen


@pytest.mark.parametrize("sheet", SHEETS, ids=str)
def test_sheet(sheet: tuple[str, int, bool]) -> None:
    kept = file_of(*sheet).read_text(encoding="utf-8")
    assert text_of(*sheet) == kept, "python tests/golden/sheets.py writes it anew"


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("width", [50, 80, 120])
def test_nothing_is_wider_than_the_screen_or_cut_off(name: str, width: int) -> None:
    wide, narrow = (shown(SHOWN[name](), columns) for columns in (200, width))
    assert max(map(cell_len, narrow.splitlines())) <= width
    assert sorted(numbers(wide)) == sorted(numbers(narrow))


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("plain", [True, False])
def test_no_picture_is_wider_than_the_screen(name: str, width: int, plain: bool) -> None:
    assert max(map(cell_len, shown(SHOWN[name](), width, plain=plain).splitlines())) <= width


@pytest.mark.parametrize("name", SHOWN)
def test_on_a_plain_screen_all_is_ascii(name: str) -> None:
    assert shown(SHOWN[name](), plain=True).isascii()
    assert name in PICTURES or not shown(SHOWN[name]()).isascii()


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_a_picture_of_the_readme_and_of_docs_is_what_the_program_shows(name: str) -> None:
    make, title = pictures.PICTURES[name]
    kept = (ROOT / "tests" / "golden" / f"{name}.svg").read_bytes()
    drawn = drawing_of_screen(make(), title, *pictures.SIZE).svg()
    assert drawn == kept, "python tests/golden/pictures.py draws it anew"
    pages = [ROOT / "README.md", ROOT / "docs" / "commands.md"]
    assert any(f"tests/golden/{name}.svg)" in page.read_text("utf-8") for page in pages)


def numbers(text: str) -> set[str]:
    """The numbers with decimals in a text."""
    return {word for word in text.split() if word.lstrip("-").replace(".", "").isdigit()}
