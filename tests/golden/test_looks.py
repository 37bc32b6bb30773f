"""What results look like, to the character: pictures, bars, a case checked, the list of saves."""

from dataclasses import replace
from io import StringIO
from typing import Any

import numpy as np
import pytest

from digitnet.registry.saves import Entry
from digitnet.repl.features.check import Case, CheckResult
from digitnet.repl.features.saves import listing
from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.digit import bar
from digitnet.repl.pictures.tables import with_article

PICTURE = np.array([[0, 255, 255, 0], [0, 0, 255, 0], [0, 0, 255, 255], [128, 0, 0, 100]], np.uint8)
HEIGHT = 34
"""Rows of the screen, which is that of nobody who runs the tests."""


def shown(result: object, width: int = 80, *, plain: bool = False, encoding: str = "utf-8") -> str:
    """The result on a screen without colours."""

    class File(StringIO):
        pass

    File.encoding = property(lambda self: encoding)  # type: ignore[assignment]
    file = File()
    screen = Screen(file, plain=plain, width=width, force_terminal=False)
    screen.height = HEIGHT
    screen.print(result)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def check(width_of_picture: int = 4) -> CheckResult:
    picture = np.tile(PICTURE, (1, width_of_picture // 4))
    return CheckResult(Case(5, "sample test", 2, picture), 1, [0.0, 0.75, 0.25], 1.386)


def test_a_case_in_half_blocks_beside_its_outputs() -> None:
    assert shown(check()) == (
        "case 5 of the sample test set\n"
        " ▀█    0                       0.000\n"
        "▄ ▀▀   1 ███████████████       0.750 guess\n"
        "       2 █████                 0.250 answer\n"
        "guess 1, answer 2: wrong"
    )


@pytest.mark.parametrize("how", [{"plain": True}, {"encoding": "ascii"}])
def test_a_case_without_blocks(how: dict[str, object]) -> None:
    assert shown(check(), **how) == (  # type: ignore[arg-type]
        "case 5 of the sample test set\n"
        " =@    0                       0.000\n"
        ": =*   1 ###############       0.750 guess\n"
        "       2 #####                 0.250 answer\n"
        "Ink in rows 0 to 3 and columns 0 to 3 of 4 x 4 pixels, counted from 0; most of\n"
        "it at the top center, top left, middle center.\n"
        "guess 1, answer 2: wrong"
    )


def test_a_narrow_screen_has_one_above_the_other_at_half_the_size() -> None:
    lines = shown(check(28), width=20).splitlines()
    assert lines[0] == "case 5 of the sample"
    assert max(map(len, lines)) <= 20
    assert lines[-2:] == ["guess 1, answer 2:", "wrong"]


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


@pytest.mark.parametrize(
    ("share", "blocks", "ascii_"),
    [(0.0, "    ", "    "), (0.5, "██  ", "##  "), (1.0, "████", "####"), (0.28, "█▏  ", "#   ")],
)
def test_bars_are_exact_to_an_eighth(share: float, blocks: str, ascii_: str) -> None:
    assert bar(share, 4, blocks=True) == blocks
    assert bar(share, 4, blocks=False) == ascii_


@pytest.mark.parametrize(
    ("number", "text"), [(7, "a 7"), (8, "an 8"), (11, "an 11"), (110, "a 110")]
)
def test_a_number_has_the_article_that_it_is_read_with(number: int, text: str) -> None:
    assert with_article(number) == text


FIRST = Entry("first", "first-0.pickle", "784-256-10", 203530, 1095, 0.927, "sample test",
              "2026-01-31T12:00:00+00:00", 1629000)  # fmt: skip
SAVES = listing(
    [FIRST, Entry("x-1.pickle", "x-1.pickle", damaged="it is cut\x1b[31m short")], "first"
)


def test_the_list_of_saves_wide_and_narrow() -> None:
    assert shown(SAVES) == (
        "name     shape       trained  accuracy  on             size  saved\n"
        "> first  784-256-10    1,095   92.70 %  sample test  1.6 MB  2026-01-31 12:00\n"
        "damaged: x-1.pickle: it is cut\\x1b[31m short"
    )
    assert shown(SAVES, width=60) == (
        "name     shape       accuracy  on           saved\n"
        "> first  784-256-10   92.70 %  sample test  2026-01-31 12:00\n"
        "Not shown for lack of space: size, trained.\n"
        "damaged: x-1.pickle: it is cut\\x1b[31m short"
    )
    assert shown(SAVES, width=40) == (
        "name     accuracy  saved\n"
        "> first   92.70 %  2026-01-31 12:00\n"
        "Not shown for lack of space: size,\n"
        "trained, shape, on.\n"
        "damaged: x-1.pickle: it is cut\\x1b[31m\n"
        "short"
    )
    included = [replace(FIRST, name=name, included=True) for name in ("first", "ready")]
    assert shown(listing(included, "ready"), width=60) == (
        "name     shape       trained  accuracy  on             size\n"
        "  first  784-256-10    1,095   92.70 %  sample test  1.6 MB\n"
        "> ready  784-256-10    1,095   92.70 %  sample test  1.6 MB\n"
        "All of these are included with digitnet."
    )
