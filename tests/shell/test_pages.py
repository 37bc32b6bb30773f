"""What is longer than the screen is shown a page at a time, to a person."""

import pytest
from conftest import Program, Start


def test_help_begins_with_what_people_do_first_and_is_paged(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>")
    t.type("?\r")
    t.wait_for("^23 of .* lines. Space: more, Enter: a line, q: enough")
    shown = t.text()
    assert shown.startswith("First steps\nt, train")
    for name in ("c, check", "ch, check_multiple", "pas, save_as NAME", "l, load", "n, new"):
        assert f"\n{name}" in shown, name
    t.type("\r")
    t.wait_for("^24 of ")
    t.type(" ")
    t.wait_for("^47 of ")
    t.type("q")
    t.wait_for("^digitnet>$")
    assert " lines. Space: more" not in t.text().splitlines()[-3]


def test_another_key_goes_on_at_the_prompt(terminal: Start) -> None:
    t = terminal(80, 12)
    t.wait_for("^digitnet>")
    t.type("?\r")
    t.wait_for("^11 of ")
    t.type("n mini\r")
    t.wait_for("^mini>")


@pytest.mark.parametrize("key", ["\x03", "\x1b"])
def test_it_can_be_left_in_a_small_window(terminal: Start, key: str) -> None:
    t = terminal(40, 6)
    t.wait_for("^digitnet>")
    t.type("?\r")
    t.wait_for("^5 of ")
    t.resize(40, 10)
    t.type(" ")
    t.wait_for("^14 of ")
    t.type(key)
    t.wait_for("^digitnet>$")
    t.type("s\r")
    assert t.leave() == 0


def test_scripts_are_not_paged(program: Program) -> None:
    assert len(program("-c", "?").stdout.splitlines()) > 30
