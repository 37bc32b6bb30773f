"""Commands write what they wrote, to the character, at several widths; and draw what they drew."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pictures
import pytest
from rich.cells import cell_len
from rich.text import Text
from sheets import PICTURES, ROOT, SHEETS, SHOWN, SUMS, check, confusion, file_of, shown, text_of

from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.digit import bar, size_of
from digitnet.repl.pictures.file import drawing_of_screen
from digitnet.repl.pictures.tables import percent, with_article


@pytest.mark.parametrize("sheet", SHEETS, ids=str)
def test_sheet(sheet: tuple[str, int, bool]) -> None:
    kept = file_of(*sheet).read_text(encoding="utf-8")
    assert text_of(*sheet) == kept, "python tests/golden/sheets.py writes it anew"


@pytest.mark.parametrize("name", SUMS)
@pytest.mark.parametrize("width", [42, 50, 80, 120])
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


def test_a_screen_that_cannot_show_blocks_is_as_a_plain_one() -> None:
    assert shown(check(), encoding="ascii") == shown(check(), plain=True)


@pytest.mark.parametrize(
    ("flag", "colours"),
    [({}, ["255;255;255", "0;0;0"]), ({"light": lambda: True}, ["0;0;0", "255;255;255"]),
     ({"no_color": True}, [])],
)  # fmt: skip
def test_shades_of_grey_where_there_are_colours(
    monkeypatch: pytest.MonkeyPatch, flag: dict[str, Any], colours: list[str]
) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    file = StringIO()
    Screen(file, width=80, force_terminal=True, **flag).print(check())
    blank_over_ink = "\x1b[38;2;{1};48;2;{0}m▀".format(*colours[::-1]) if colours else "▀█"
    assert blank_over_ink in file.getvalue()
    assert ("38;2" in file.getvalue()) == bool(colours)


def test_outputs_above_1_are_told_apart() -> None:
    text = shown(replace(check(), outputs=[1.0, 1.25, 0.25]), plain=True)
    assert [line.count("#") for line in text.splitlines() if "." in line][:3] == [16, 20, 4]


@pytest.mark.parametrize(
    ("share", "blocks", "ascii_"),
    [(0.0, "    ", "    "), (0.5, "██  ", "##  "), (1.0, "████", "####"), (0.28, "█▏  ", "#   ")],
)
def test_bars_are_exact_to_an_eighth(share: float, blocks: str, ascii_: str) -> None:
    assert bar(share, 4, blocks=True) == blocks
    assert bar(share, 4, blocks=False) == ascii_


def test_a_picture_and_its_label_have_the_columns_that_the_terminal_gives_them() -> None:
    assert size_of((Text("##\n##"), Text("0 とても"))) == (8, 3)


@pytest.mark.parametrize(
    ("number", "text"), [(7, "a 7"), (8, "an 8"), (11, "an 11"), (110, "a 110")]
)
def test_a_number_has_the_article_that_it_is_read_with(number: int, text: str) -> None:
    assert with_article(number) == text


@pytest.mark.parametrize(
    ("fraction", "decimals", "text"),
    [(0.97875, 2, "97.88 %"), (29_999 / 30_000, 2, "99.99 %"), (1, 2, "100.00 %"), (0, 1, "0.0 %"),
     (0.9996, 1, "99.9 %"), (1, 1, "100.0 %"), (0.9996, 0, "99 %"), (float("nan"), 1, "-")],
)  # fmt: skip
def test_what_is_less_than_100_percent_is_not_called_that(
    fraction: float, decimals: int, text: str
) -> None:
    assert percent(fraction, decimals) == text


@pytest.mark.parametrize("misread", [0, 1])
@pytest.mark.parametrize("width", [80, 24])  # as a grid, and as a list
def test_a_confusion_matrix_tells_100_percent_where_no_case_is_misread(
    misread: int, width: int
) -> None:
    text = shown(confusion([[9999, misread], [misread, 9999]]), width)
    assert ("100" in text) == (misread == 0)


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
