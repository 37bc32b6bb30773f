"""Tables are true on every screen: what is shown of a cell is the cell."""

from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from digitnet.repl.pictures import Screen
from digitnet.repl.pictures.tables import INDENT, Rows, pairs

HEADINGS = ("setting", "value", "accuracy", "size", "what it is")
VALUES = st.text("0123456789.-e日x", min_size=1, max_size=36)
SENTENCES = st.lists(st.text("abcé,", min_size=1, max_size=9), max_size=12).map(" ".join)
LINES = st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES, SENTENCES), min_size=1, max_size=4)


def shown(table: object, width: int) -> str:
    file = StringIO()
    Screen(file, width=width, force_terminal=False).print(table)
    return file.getvalue()


def words_of(*texts: str) -> set[str]:
    return {word.strip(",.") for text in texts for word in text.split()} - {""}


@pytest.mark.parametrize("width", [40, 80, 200])
@settings(deadline=None, max_examples=40)
@given(lines=LINES)
def test_every_cell_is_shown_whole_or_its_column_is_named_as_left_out(
    width: int, lines: list[tuple[str, ...]]
) -> None:
    table = Rows(HEADINGS, lines, numbers=("size",), prose=("what it is",), optional=("size",))
    text = shown(table, width)
    assert max(map(cell_len, text.splitlines())) <= width
    left_out = "Not shown for lack of space: size." in " ".join(text.split())
    cells = [cell for line in lines for k, cell in enumerate(line) if not (left_out and k == 3)]
    for word in words_of(*cells):
        if cell_len(word) <= width - INDENT:
            assert word in words_of(text)
        else:  # wider than the screen: on several lines
            assert word in "".join(text.split())


@pytest.mark.parametrize("width", [20, 60])
@settings(deadline=None, max_examples=40)
@given(values=st.dictionaries(VALUES.map(lambda v: v[:9]), SENTENCES, min_size=1, max_size=4))
def test_names_and_what_they_are(width: int, values: dict[str, str]) -> None:
    text = shown(pairs(values), width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert words_of(*values, *values.values()) <= words_of(text)


LONG = Rows(
    ("rate", "l2", "accuracy", "time", ""),
    [("0.02", "6e-06", "90.00 %", "1.0 s", ""), ("0.1", "6e-06", "91.00 %", "2.0 s", "best")],
    numbers=("accuracy", "time"),
    optional=("time",),
    key=("rate", "l2"),
)


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (
            35,
            "rate  l2     accuracy   time\n"
            "0.02  6e-06   90.00 %  1.0 s\n"
            "0.1   6e-06   91.00 %  2.0 s  best\n",
        ),
        (
            30,
            "The same for all: l2 6e-06.\n"
            "rate  accuracy   time\n"
            "0.02   90.00 %  1.0 s\n"
            "0.1    91.00 %  2.0 s  best\n",
        ),
        (
            24,
            "The same for all: l2\n"
            "6e-06.\n"
            "rate  accuracy\n"
            "0.02   90.00 %\n"
            "0.1    91.00 %  best\n"
            "Not shown for lack of\n"
            "space: time.\n",
        ),
        (
            18,
            "The same for all:\n"
            "l2 6e-06.\n"
            "rate 0.02\n"
            "  accuracy 90.00\n"
            "  %, time 1.0 s\n"
            "rate 0.1\n"
            "  accuracy 91.00\n"
            "  %, time 2.0 s,\n"
            "  best\n",
        ),
    ],
)
def test_a_table_gives_way_step_by_step(width: int, text: str) -> None:
    assert "".join(f"{line.rstrip()}\n" for line in shown(LONG, width).splitlines()) == text
