"""Trainings at a pseudo-terminal: curves, Ctrl-C, keys, other sizes, signals, Ctrl-Z."""

import os
import re
import signal
import time

import pytest
from conftest import Start
from terminal_helpers import command

CTRL_C, CTRL_D, CTRL_Z = "\x03", "\x04", "\x1a"
CURVES = r"^ +┌─+┐"


@pytest.mark.parametrize(
    ("columns", "rows", "recipe"), [(80, 24, "diary"), (120, 40, "relu"), (40, 17, "diary")]
)
def test_a_training_moves_hides_keys_and_is_kept_when_interrupted(
    terminal: Start, columns: int, rows: int, recipe: str
) -> None:
    t = terminal(columns, rows).ready()
    is_wide = columns >= 80
    t.do(f"n {recipe}", f"^{recipe}>$")
    t.do("t 2000e", CURVES)
    t.wait_for(r"cost [\d.]+")
    assert ("left" in t.text()) == is_wide
    if is_wide:
        t.wait_for("validation accuracy, %")
    ends: set[str] = set()
    while is_wide and len(ends) < 3:  # of the axis of mini-batches
        t.read(0.2)
        ends |= set(re.findall(r"┘ +└.*\n +\d[\d,]* +([\d,]+)", t.text()))
    t.type("# typed\rn unfin")
    t.read(0.5)
    assert not t.echoes()
    assert "# typed" not in t.text()
    t.type(CTRL_C)
    assert t.wait_for("^Interrupted: the training so far", 5) < 1
    t.wait_for(rf"^{recipe}\*> # typed$")
    t.wait_for(rf"^{recipe}\*> n unfin")
    assert t.text().count("└") == 1 + is_wide  # the last picture stays
    said = " ".join(t.text().split())
    assert "Interrupted: the training so far is kept. undo t goes back to the untrained" in said
    (trained,) = re.findall(r"Trained ([\d,]+) mini-batches", t.text())
    assert int(trained.replace(",", "")) > 0
    t.read(0.3)  # the prompt hides it while it draws
    assert not t.screen.cursor.hidden
    t.type(CTRL_C)
    t.do("pas kept", "Saved as 'kept'")
    if is_wide:
        t.do("i", rf"{trained} mini-batches")
    t.type(CTRL_D)
    assert t.leave() == 0
    assert t.echoes()


def test_a_resize_while_training_leaves_no_old_lines(terminal: Start) -> None:
    t = terminal(80, 24).ready()
    t.do("n diary", "^diary>$")
    t.do("t 2000e", CURVES)
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
    t.type(CTRL_C)
    t.wait_for(r"^diary\*>$")
    assert t.text().count("┌") == 1  # the picture that stays
    assert len(re.findall("Trained", t.text())) == 1
    assert re.search(r"^diary> t 2000e$", t.text(), re.MULTILINE), "what was above is gone"


@pytest.mark.parametrize(("rows", "least"), [(24, 16), (40, 26)])
def test_the_shortest_training_leaves_its_curves_and_a_plot_fills_the_window(
    terminal: Start, rows: int, least: int
) -> None:
    t = terminal(80, rows).ready()
    t.do("t", r"^Trained 219 mini-batches")
    t.wait_for(r"^quick\*>$")
    assert re.search(r"^ +cost +⠒ training +• validation +validation accuracy, %$", t.text(), 8)
    assert t.text().count("┌") == 2
    t.do("plot", "^[56] measurements in 219 mini-batches")
    assert len([line for line in t.text().splitlines() if re.search("[┌│┤└]", line)]) >= least


@pytest.mark.parametrize(
    ("number", "line", "shown"),
    [(signal.SIGTERM, "t 60s\r", CURVES), (signal.SIGHUP, "t unfinished", "unfinished")],
)
def test_a_signal_leaves_the_terminal_as_it_was(
    terminal: Start, number: signal.Signals, line: str, shown: str
) -> None:
    t = terminal().ready()
    t.do("n diary", "^diary>$")
    t.type(line)
    t.wait_for(shown)
    os.kill(t.child.pid, number)
    begun = time.monotonic()
    assert t.leave() == -number
    assert time.monotonic() - begun < 2
    assert t.echoes()
    assert not t.screen.cursor.hidden
    said = "ended by a signal; the unsaved training was autosaved: recover loads it"
    assert (said in " ".join(t.text().split())) == (number == signal.SIGTERM)
    assert "undo" not in t.text()


def test_suspended_in_the_middle_of_a_drawing_and_at_the_prompt(terminal: Start) -> None:
    t = terminal(80, 40, "bash", "--norc", "--noediting", "-i", PS1="shell$ ")
    t.wait_for(r"^shell\$$")
    t.do(" ".join(command([])), "^digitnet>$")
    t.do("n diary", "^diary>$")
    t.do("t 60s", CURVES)
    begun = time.monotonic()
    time.sleep(1.5)  # nothing is read, so that a write fills the terminal's buffer, and waits
    t.type(CTRL_Z)
    time.sleep(0.3)
    t.wait_for(r"^shell\$$")
    suspended = time.monotonic()
    assert "should not have happened" not in t.text()
    t.do("echo $((40 + 2))", "^42$")
    time.sleep(1)
    begun += time.monotonic() - suspended
    t.do("fg", CURVES)
    t.type(CTRL_C)
    t.wait_for("^Interrupted: the training so far is kept")
    (seconds,) = re.findall(r"Trained .* in ([\d.]+) s", t.text())
    assert float(seconds) < time.monotonic() - begun + 0.5
    t.wait_for(r"^diary\*>$")
    assert len(re.findall("Trained", t.text())) == 1
    t.type(CTRL_Z)
    t.wait_for(r"^shell\$$")
    t.do("fg", r"^diary\*>$")
    t.do("s\ry", r"^shell\$$")
