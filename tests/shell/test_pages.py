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
    t.do("n mini", r"^\(\d+ more lines\)\ndigitnet> n mini$")  # another key goes on at the prompt
    t.wait_for("^mini>$")
    for key, line, left in (("\x03", "?; t 20", "Not run: t 20."), ("\x1b", "?", "more lines.")):
        t.resize(40, 6)
        t.do(line, "^5 of .*Enter:\nline, q: end")
        t.resize(40, 10)
        t.type(" ")
        t.wait_for("^14 of ")
        t.type(key)
        t.wait_for(rf"{left}\nmini>$")
    t.type("s\r")
    assert t.leave() == 0


def test_keys_typed_ahead_are_all_left_to_the_prompt_and_drop_no_line(terminal: Start) -> None:
    t = terminal(80, 24).ready()
    t.type("?\rfool 3\r")
    t.wait_for(r"More on one: \? t\ndigitnet> fool 3\nno network ")


def test_scripts_are_not_paged(program: Program) -> None:
    assert len(program("-c", "?").stdout.splitlines()) > 30
