"""The prompt at a real pseudo-terminal, its screen read by pyte: what a person sees and types."""

import os
import re
import signal

import pytest
from conftest import Start
from registry_helpers import soon
from terminal_helpers import command

from digitnet import __version__
from digitnet.repl.terminal.prompt import GREETING, NEWCOMER

CTRL_C, CTRL_R, TAB, ESCAPE = "\x03", "\x12", "\t", "\x1b"
CTRL_U = "\x15"


def test_hints_menus_and_suggestions(terminal: Start) -> None:
    t = terminal(80, 24).ready()
    for said in ("train a neural network to read handwritten digits", "Type t to train one",
                 "? lists all commands"):  # fmt: skip
        assert said in t.text()
    t.wait_for("^ no network yet")
    t.type("l")
    t.wait_for(r"^digitnet> l \[NAME\] \[RECIPE or SHAPE\]$")
    t.do("", "Which one")
    assert re.search("^digitnet> l$", t.text(), re.MULTILINE), "the hint stays"
    t.type(CTRL_C)
    t.wait_for("^digitnet>$")
    t.type("n re")
    t.wait_for(r"^ +relu +1,024")
    assert re.search("^digitnet> n re", t.text(), re.MULTILINE)
    t.type(TAB)
    t.wait_for(r"^digitnet> n relu")
    t.type("\r")  # takes the completion that is selected, and does nothing yet
    t.read(0.3)
    assert not re.search("^relu>", t.text(), re.MULTILINE)
    t.do("", r"^relu>$")
    t.type("n mini")
    t.wait_for("^ +mini3 +")
    t.do("", "^mini>$")
    t.type("n rel")
    for _ in range(3):  # Tab takes the only candidate, and keeps it
        t.type(TAB)
        t.wait_for("^mini> n relu")
        t.read(0.3)
        assert "mini> n relu" in t.text()
    t.do("", "^relu>$")
    t.do("ls", r"^ready +784-128-10 +[\d,]+ +98\.\d\d % +mnist test")
    t.type("l rea")
    t.wait_for("^ +ready  784-128-10")
    t.type(TAB)
    t.wait_for("^relu> l ready")
    t.do("", "Loaded 'ready'(.|\n)*^ready>$")
    t.type("n dia")
    t.wait_for("^ready> n dia")
    t.resize(40, 17)
    t.wait_for("^ready> n dia")
    t.do("ry", "^diary>$")


def test_a_pasted_line_is_not_suggested_over_the_whole_screen(terminal: Start) -> None:
    t = terminal(80, 24).ready()
    t.type("\x1b[200~# a long paste " + "x" * 10_000 + "\x1b[201~")
    t.wait_for("x{80}")
    t.type("\r")
    t.wait_for("^digitnet>$", 60)
    t.do("# short", "^digitnet>$")
    t.type("# s")
    t.wait_for("^digitnet> # short")  # a line of before, in grey
    t.type(f"{CTRL_U}# a")
    t.read(1.0)
    assert "xxx" not in t.text().rpartition("digitnet> # a")[2]


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 40), (50, 40), (20, 40)])
def test_a_window_of_any_size(terminal: Start, columns: int, rows: int) -> None:
    t = terminal(columns, rows).ready()
    welcome = t.text().partition("digitnet>")[0]
    said = f"{GREETING.format(__version__, NEWCOMER)}".split()
    assert welcome.split() == said, "words are broken at the edge"
    t.type("t")
    t.wait_for(r"^digitnet> t( \[AMOUNT\])?")
    t.do(" 50", r"^quick\*>")
    t.wait_for(r"^ quick \(not saved\)" if columns >= 40 else r"^ quick")
    assert ("data sample" in t.bottom()) == (columns > 80)
    assert ("mini-batches" in t.bottom()) == (columns >= 80)
    t.do("c 3", r"answer 4:\s+(right|wrong)")
    t.do("pas x; ls", "^> x")
    t.type("t 5\rs\r")
    t.wait_for(r"^Leave without saving\s5\smini-batches\sof\straining\?\s\[y/N/s=save\]")


def test_tiny_windows(terminal: Start) -> None:
    t = terminal(10, 3).ready()
    t.do("n truth", "^truth>$")
    for columns, rows, recipe in ((20, 5, "mini"), (80, 6, "diary")):
        t.resize(columns, rows)
        t.do(f"n {recipe}", f"^{recipe}>$")
        assert not t.screen.cursor.hidden


@pytest.mark.parametrize("name", ["NO_COLOR", "DIGITNET_PLAIN"])
def test_without_colours(terminal: Start, name: str) -> None:
    t = terminal(80, 40, "digitnet", **{name: "1"})
    t.wait_for("digitnet>")
    t.type("t")
    if name == "NO_COLOR":
        t.wait_for(r"^digitnet> t \[AMOUNT\]$")
        assert "\x1b[0;2m" in t.written or "\x1b[2m" in t.written, "a hint looks like what is typed"
    t.do(" 50", r"Trained 50 mini-batches")
    t.do("c 3", "answer 4: ")
    assert t.colours() <= {"default"}
    assert name == "NO_COLOR" or "\x1b" not in t.written
    t.type("s\ry\r")
    assert t.leave() == 0


def test_a_dumb_terminal_edits_its_lines_itself(terminal: Start) -> None:
    t = terminal(80, 24, "digitnet", TERM="dumb").ready()
    assert t.echoes()
    t.do("n truX\x7fth", "^New network 3-1")
    t.type("t 1s\r")
    t.read(0.4)
    t.do("pas x", "Saved as 'x'")  # typed during the training: it waits, with its Enter
    t.do("ls", "^> x  ")
    t.do("del x\ry", "Deleted 'x'")
    assert t.colours() <= {"default"}
    os.kill(t.child.pid, signal.SIGTERM)
    assert t.leave() == -signal.SIGTERM


def test_a_terminal_that_goes_away_ends_the_program_also_where_hangups_are_ignored(
    terminal: Start,
) -> None:
    line = f"trap '' HUP; exec {' '.join(command([]))}"
    t = terminal(80, 24, "bash", "-c", line, TERM="dumb").ready()
    t.do("n mini; t 3", r"mini\*>")
    t.close_window()
    soon(lambda: os.waitid(os.P_PID, t.child.pid, os.WEXITED | os.WNOWAIT))


def test_lines_of_before_are_suggested_and_found_also_by_vi(terminal: Start) -> None:
    t = terminal().ready()
    t.do("n 784-12-10 tanh", r"^784-12-10>$")
    t.type("s\r")
    assert t.leave() == 0
    t = terminal().ready()
    t.type("n 784")
    t.wait_for("^digitnet> n 784-12-10 tanh$")
    t.type(f"{CTRL_C}{CTRL_R}tanh")
    t.wait_for("n 784-12-10 tanh")
    t.do("", r"^784-12-10>$")
    t.do("set vi on", "^vi +on")
    t.wait_for("^ INSERT . 784-12-10")
    t.type("n diaryXX")
    t.wait_for("diaryXX")
    t.type(ESCAPE)
    t.wait_for("^ NORMAL . 784-12-10")
    t.type("xx")
    t.wait_for("n diary$")
    t.do("", "^diary>$")
    t.type(ESCAPE)
    t.read(0.6)
    t.do("/tanh", "^diary> n 784-12-10 tanh$")  # what is searched is only placed
