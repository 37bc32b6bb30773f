"""`why` and `step` at a pseudo-terminal: three widths, plain, without colours."""

import re

import pytest
from conftest import Start
from terminal_helpers import Terminal

WIDTHS = pytest.mark.parametrize("columns", [50, 80, 120])


def colours(t: Terminal) -> set[str]:
    return {cell.fg for row in t.screen.buffer.values() for cell in row.values()}


@WIDTHS
def test_why_of_a_small_network(terminal: Start, columns: int) -> None:
    t = terminal(columns, 110)
    t.wait_for("^digitnet>$")
    t.type("n mini; why 5\r")
    t.wait_for(r"^mini>$")
    lines = t.text().splitlines()
    first, cost, back = (
        next(n for n, line in enumerate(lines) if line.startswith(f"── {name} ─"))
        for name in ("forwards", "the cost", "backwards")
    )
    assert lines[first] == "── forwards ".ljust(columns, "─")
    assert first < cost < back
    assert ("layer 2" in lines[first + 1]) == (columns >= 80)
    assert ("gradient" in lines[back + 1]) == (columns >= 80)
    assert re.search(r"^    δ( +-?0\.\d{4}){2}", t.text(), re.MULTILINE)
    assert len(re.findall(r"dC/dw\d", t.text())) == 6
    assert {"cyan", "magenta"} <= colours(t)


@WIDTHS
def test_why_of_a_convolution(terminal: Start, columns: int) -> None:
    t = terminal(columns, 200)
    t.wait_for("^digitnet>$")
    t.type("n 28x28-2c3-p2-12-10; t 20; why 3\r")
    t.wait_for(r"^In training, the penalties", 30)
    assert len(re.findall(r"^ +patch +kernel$", t.text(), re.MULTILINE)) == 1
    assert re.search(r"^Σ patch · kernel +-?\d", t.text(), re.MULTILINE)
    assert re.search(r"output \d, the guess *$", t.text(), re.MULTILINE)
    assert len(re.findall(r"^ *the other [\d,]+ ", t.text(), re.MULTILINE)) == 2


@WIDTHS
def test_step_of_truth(terminal: Start, columns: int) -> None:
    t = terminal(columns, 60)
    t.wait_for("^digitnet>$")
    t.type("n truth; step 2\r")
    t.wait_for(r"^truth\*>$")
    text = t.text()
    assert re.findall(r"^── (mini-batch \d) ─+$", text, re.MULTILINE) == [
        "mini-batch 1",
        "mini-batch 2",
    ]
    rows = re.findall(r"^w\d → 0 +(\S+) +(\S+) +(\S+) +(\S+)$", text, re.MULTILINE)
    assert [row[3] for row in rows[:3]] == [row[0] for row in rows[3:]]  # after, then before
    assert len(re.findall(r"^[01] [01] 1 +[01] +0\.\d{4} +0\.\d{4}$", text, re.MULTILINE)) == 8
    assert len(re.findall(r"^w ← w − η g$", text, re.MULTILINE)) == 2


@pytest.mark.parametrize("env", [{"DIGITNET_PLAIN": "1"}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_without_colours(terminal: Start, env: dict[str, str]) -> None:
    t = terminal(80, 110, **env)
    t.wait_for("^digitnet>")
    t.type("n mini\rwhy 5\rstep\r")
    t.wait_for(r"^ b (→|->) 1 .*\n(.*\n)*mini\*>")
    assert colours(t) == {"default"}
    sheet = t.text()[t.text().index("forwards") :]
    assert sheet.isascii() == ("NO_COLOR" not in env)
    t.type("s\ry\r")
    assert t.leave() == 0


def test_a_step_can_be_stopped_between_two(terminal: Start) -> None:
    t = terminal(80, 120)  # high enough for the heading of a sheet to be on it at any time
    t.wait_for("^digitnet>$")
    t.type("n conv; step 100\r")  # a hundred of these take seconds on any machine
    t.wait_for(r"^── mini-batch \d+ ─")
    t.type("\x03")
    t.wait_for("^Interrupted: the training so far is kept.", 5)
    t.wait_for(r"^conv\*>$")
    t.type("s\ry\r")
    assert t.leave() == 0
