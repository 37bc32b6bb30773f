"""Commands write what they wrote, to the character, at several widths."""

import pytest
from rich.cells import cell_len
from seen import SEEN
from sheets import MADE, SHEETS, file_of, text_of
from test_looks import shown


@pytest.mark.parametrize("sheet", SHEETS, ids=str)
def test_sheet(sheet: tuple[str, int, bool]) -> None:
    kept = file_of(*sheet).read_text(encoding="utf-8")
    assert text_of(*sheet) == kept, "python tests/golden/sheets.py writes it anew"


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("width", [50, 80, 120])
def test_nothing_is_wider_than_the_screen_or_cut_off(name: str, width: int) -> None:
    wide, narrow = (shown(MADE[name](), columns) for columns in (200, width))
    assert max(map(cell_len, narrow.splitlines())) <= width
    assert sorted(numbers(wide)) == sorted(numbers(narrow))


@pytest.mark.parametrize("name", SEEN)
@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("plain", [True, False])
def test_no_picture_is_wider_than_the_screen(name: str, width: int, plain: bool) -> None:
    assert max(map(cell_len, shown(SEEN[name](), width, plain=plain).splitlines())) <= width


@pytest.mark.parametrize("name", MADE)
def test_a_plain_sheet_is_ascii(name: str) -> None:
    assert shown(MADE[name](), plain=True).isascii()
    assert not shown(MADE[name]()).isascii()


@pytest.mark.parametrize("name", SEEN)
def test_a_plain_picture_is_ascii(name: str) -> None:
    assert shown(SEEN[name](), plain=True).isascii()


def numbers(text: str) -> set[str]:
    """The numbers with decimals in a text."""
    return {word for word in text.split() if word.lstrip("-").replace(".", "").isdigit()}
