"""Screens of three sizes at a pseudo-terminal: prompt, menu, hint, toolbar, training, signals."""

import os
import re
import signal
import time

import pytest
from conftest import Start, command
from terminal_helpers import Terminal

SIZES = pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (40, 17)])
CTRL_C, CTRL_D, CTRL_R, CTRL_Z, TAB, ESCAPE = "\x03", "\x04", "\x12", "\x1a", "\t", "\x1b"


@SIZES
def test_prompt_hint_menu_and_toolbar(terminal: Start, columns: int, rows: int) -> None:
    t = terminal(columns, rows)
    t.wait_for("^digitnet>$")
    t.wait_for("^ no network yet")
    t.type("t")
    t.wait_for(r"^digitnet> t \[AMOUNT\]$")
    t.type(f"{CTRL_C}n re")
    t.wait_for(r"^ +relu +1,024")
    assert re.search("^digitnet> n re", t.text(), re.MULTILINE)
    t.type(TAB)
    t.wait_for(r"^digitnet> n relu")
    t.type("\r")  # takes the completion that is selected, and does nothing yet
    t.read(0.3)
    assert not re.search("^relu>", t.text(), re.MULTILINE)
    t.type("\r")
    t.wait_for(r"^relu>$")
    t.wait_for(r"^ relu \| 784-1024-10")
    assert ("data sample" in t.bottom()) == (columns >= 80)
    assert ("mini-batches" in t.bottom()) == (columns >= 40)


def test_enter_does_the_line_while_a_menu_is_shown(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n mini")
    t.wait_for("^ +mini3 +")
    t.type("\r")
    t.wait_for("^mini>$")


@SIZES
def test_training_with_curves_then_ctrl_c(terminal: Start, columns: int, rows: int) -> None:
    t = terminal(columns, rows)
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 2000e\r")
    t.wait_for(r"^ +┌─+┐")
    t.wait_for(r"cost [\d.]+ ")
    assert ("left" in t.text()) == (columns > 40)
    if columns >= 80:
        t.wait_for("validation accuracy, %")
    assert ("validation accuracy, %" in t.text()) == (columns >= 80)
    t.type(CTRL_C)
    t.wait_for(r"^diary\*>$", 5)
    assert t.text().count("└") == (2 if columns >= 80 else 1)  # the last picture stays
    said = " ".join(t.text().split())
    assert "Interrupted: the training so far is kept. undo t goes back to the untrained" in said
    assert len(re.findall("Trained", t.text())) == 1
    assert not t.screen.cursor.hidden


def test_keys_typed_while_a_command_works_wait_unseen(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 3s\r")
    t.wait_for(r"^ +┌─+┐")
    t.type("? ch\rn unfin")
    t.read(0.5)
    assert not t.echoes()
    assert "? ch" not in t.text()
    assert "unfin" not in t.text()
    t.wait_for("Trained")
    t.wait_for(r"^diary\*> \? ch$")
    t.wait_for(r"^diary\*> n unfin")


def test_a_resize_while_training_leaves_no_old_lines(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 12s\r")
    t.wait_for(r"^ +┌─+┐")
    t.resize(110, 30)
    t.wait_for("^ +cost  ⠒ training  • validation {20,}validation accuracy, %")
    t.resize(60, 30)
    t.wait_for(r"^ +┌─+┐ +┌─+┐$")
    t.read(1.0)
    assert len(re.findall("left", t.text())) <= 1
    assert t.text().count("┌") == 2
    t.resize(40, 30)
    t.wait_for(r"^ +┌─+┐$")
    t.read(0.5)
    assert t.text().count("┌") == t.text().count("┘") == 1
    t.wait_for(r"^diary\*>$")
    assert t.text().count("┌") == 1  # the picture that stays
    assert len(re.findall("Trained", t.text())) == 1
    assert re.search(r"^diary> t 12s$", t.text(), re.MULTILINE)  # what was above is still there


def test_the_shortest_training_leaves_its_curves_and_what_comes_next(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>$")
    t.type("t\r")
    t.wait_for(r"^Trained 219 mini-batches")
    t.wait_for(r"^quick\*>$")
    assert re.search(r"^ +cost +⠒ training +• validation +validation accuracy, %$", t.text(), 8)
    assert t.text().count("┌") == 2
    t.type("plot\r")
    t.wait_for("^[56] measurements in 219 mini-batches")


def test_the_curves_of_the_first_training_move(terminal: Start) -> None:
    """Drawing them waits for a moment, not for 150 times what importing plotext took."""
    t = terminal(80, 24)
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 8s\r")
    seen: set[str] = set()
    t.wait_for(r"^ +┌─+┐")
    for _ in range(30):
        t.read(0.2)
        seen |= set(re.findall(r"┘ +└.*\n +\d[\d,]* +([\d,]+)", t.text()))
    assert len(seen) >= 3


@pytest.mark.parametrize(("rows", "least"), [(24, 18), (40, 28)])
def test_a_plot_fills_its_window(terminal: Start, rows: int, least: int) -> None:
    t = terminal(80, rows)
    t.wait_for("^digitnet>$")
    t.type("n diary; t 1e\r")
    t.wait_for(r"^diary\*>$")
    t.type("plot\r")
    t.wait_for("^[0-9]+ measurements")
    lines = [line for line in t.text().splitlines() if re.search("[┌│┤└]", line)]
    assert len(lines) >= least - 2


def test_a_resize_at_the_prompt(terminal: Start) -> None:
    t = terminal(80, 24)
    t.wait_for("^digitnet>$")
    t.type("n rel")
    t.resize(40, 17)
    t.wait_for("^digitnet> n rel")
    t.type("u\r")
    t.wait_for("^relu>$")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("working", [False, True])
def test_a_signal_leaves_the_terminal_as_it_was(
    terminal: Start, number: signal.Signals, working: bool
) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 60s\r" if working else "t unfinished")
    t.wait_for(r"^ +┌─+┐" if working else "unfinished")
    os.kill(t.child.pid, number)
    begun = time.monotonic()
    assert t.leave() == -number
    assert time.monotonic() - begun < 2
    assert t.echoes()
    assert not t.screen.cursor.hidden


def diary_in_a_shell(terminal: Start) -> Terminal:
    """A shell with the program in it, and the network `diary` in hand."""
    t = terminal(80, 40, "bash", "--norc", "--noediting", "-i", PS1="shell$ ")
    t.wait_for(r"^shell\$$")
    t.type(f"{' '.join(command([]))}\r")
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    return t


def test_suspended_and_resumed_while_training(terminal: Start) -> None:
    t = diary_in_a_shell(terminal)
    t.type("t 4s\r")
    t.wait_for(r"^ +┌─+┐")
    t.type(CTRL_Z)
    t.wait_for(r"^shell\$$")
    t.type("echo $((40 + 2))\r")
    t.wait_for("^42$")
    t.type("fg\r")
    t.wait_for(r"^diary\*>$")
    assert len(re.findall("Trained", t.text())) == 1
    t.type(f"{CTRL_Z}")
    t.wait_for(r"^shell\$$")
    t.type("fg\r")
    t.wait_for(r"^diary\*>$")
    t.type("s\ry\r")
    t.wait_for(r"^shell\$$")


def test_suspended_in_the_middle_of_a_drawing(terminal: Start) -> None:
    t = diary_in_a_shell(terminal)
    t.type("t 20s\r")
    t.wait_for(r"^ +┌─+┐")
    time.sleep(3)  # nothing is read, so that a write fills the terminal's buffer, and waits
    t.type(CTRL_Z)
    time.sleep(0.3)
    t.wait_for(r"^shell\$$")
    assert "should not have happened" not in t.text()
    t.type("fg\r")
    t.wait_for(r"^ +┌─+┐")
    t.type(CTRL_C)
    t.wait_for("^Interrupted: the training so far is kept")
    t.type("s\ry\r")
    t.wait_for(r"^shell\$$")


def test_lines_of_before_are_suggested_and_found(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n 784-12-10 tanh\r")
    t.wait_for(r"^784-12-10>$")
    t.type("s\r")
    assert t.leave() == 0
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n 784")
    t.wait_for("^digitnet> n 784-12-10 tanh$")
    t.type(f"{CTRL_C}{CTRL_R}tanh")
    t.wait_for("n 784-12-10 tanh")
    t.type("\r")
    t.wait_for(r"^784-12-10>$")


def test_vi_keys(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("set vi on\r")
    t.wait_for("^vi +on")
    t.wait_for("^ INSERT . no network yet")
    t.type("n diaryXX")
    t.wait_for("diaryXX")
    t.type(ESCAPE)
    t.wait_for("^ NORMAL . no network yet")
    t.type("xx")
    t.wait_for("n diary$")
    t.type("\r")
    t.wait_for("^diary>$")


@pytest.mark.parametrize(("columns", "rows"), [(80, 6), (20, 5), (10, 3)])
def test_tiny_windows(terminal: Start, columns: int, rows: int) -> None:
    t = terminal(columns, rows)
    t.wait_for("^digitnet>$")
    t.type("n truth\r")
    t.wait_for("^truth>$")
    assert not t.screen.cursor.hidden


def test_a_hint_goes_with_the_line(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("l")
    t.wait_for(r"^digitnet> l \[NAME\] \[RECIPE or SHAPE\]$")
    t.type("\r")
    t.wait_for("Which one")  # of those included
    assert re.search("^digitnet> l$", t.text(), re.MULTILINE)


def test_a_hint_is_told_from_what_is_typed_without_colours(terminal: Start) -> None:
    t = terminal(NO_COLOR="1")
    t.wait_for("^digitnet>$")
    t.type("t")
    t.wait_for(r"^digitnet> t \[AMOUNT\]$")
    assert "\x1b[0;2m" in t.written or "\x1b[2m" in t.written


def test_a_dumb_terminal_edits_its_lines_itself(terminal: Start) -> None:
    t = terminal(TERM="dumb")
    t.wait_for("^digitnet>$")
    assert t.echoes()
    t.type("n truX\x7fth\r")
    t.wait_for("^New network 3-1")
    t.type("t 3\rpas x\r")
    t.wait_for("Saved as 'x'")
    t.type("del x\ry\r")
    t.wait_for("Deleted 'x'")
    os.kill(t.child.pid, signal.SIGTERM)
    assert t.leave() == -signal.SIGTERM


def test_what_vi_searches_is_only_placed(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n truth\r")
    t.wait_for("^truth>$")
    t.type("set vi on\r")
    t.wait_for("^vi +on")
    t.type(ESCAPE)
    t.read(0.6)
    t.type("/trut\r")
    t.wait_for("^truth> n truth$")


def test_keys_typed_before_ctrl_c_are_kept_too(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>$")
    t.type("n diary\r")
    t.wait_for("^diary>$")
    t.type("t 60s\r")
    t.wait_for(r"^ +┌─+┐")
    t.type(f"? undo\r{CTRL_C}")
    t.wait_for("Interrupted: the training so far is kept.")
    t.wait_for(r"^diary\*> \? undo$")
