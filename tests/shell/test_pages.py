"""What is longer than the screen is shown a page at a time, to a person."""

from conftest import Program, Start


def test_help_begins_with_what_people_do_first_and_is_paged(terminal: Start) -> None:
    t = terminal(80, 24).ready()
    t.do("?", "^23 of .* lines. Space: more, Enter: line, q: end")
    assert t.text().startswith("First steps\nt, train")
    for name in ("c, check", "ch, check_multiple", "pas, save_as NAME", "l, load", "n, new"):
        assert f"\n{name}" in t.text(), name
    t.do("", "^24 of ")
    t.type(" ")
    t.wait_for("^47 of ")
    t.type("q")
    t.wait_for("^digitnet>$")
    assert " lines. Space: more" not in t.text().splitlines()[-3]
    t.resize(80, 12)
    t.do("?", "^11 of ")
    t.do("n mini", "^mini>")  # another key goes on at the prompt
    for key in ("\x03", "\x1b"):
        t.resize(40, 6)
        t.do("?", "^5 of ")
        t.resize(40, 10)
        t.type(" ")
        t.wait_for("^14 of ")
        t.type(key)
        t.wait_for("^mini>$")
    t.type("s\r")
    assert t.leave() == 0


def test_scripts_are_not_paged(program: Program) -> None:
    assert len(program("-c", "?").stdout.splitlines()) > 30
