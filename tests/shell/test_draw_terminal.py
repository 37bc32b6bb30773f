"""The board at a real pseudo-terminal: what is drawn is read, and the terminal is restored."""

import os
import re
import signal
from collections.abc import Callable

import pytest
from conftest import Start
from mouse_helpers import LEFT, MOVED, sgr, strokes
from terminal_helpers import Terminal, command

from digitnet.repl.features.draw import Layout, layout_for

CTRL_C, CTRL_Z, ESCAPE, ENTER = "\x03", "\x1a", "\x1b", "\r"
AtTheBoard = Callable[..., Terminal]


@pytest.fixture
def at_the_board(terminal: Start) -> AtTheBoard:
    """A board that is open, with the network that is included."""

    def start(columns: int = 80, rows: int = 24, **env: str) -> Terminal:
        t = terminal(columns, rows, **env)
        t.wait_for("^digitnet>$")
        t.type("l ready\r")
        t.wait_for("^ready>")
        t.type("d\r")
        t.wait_for("draw a digit with")
        return t

    return start


def is_mouse_on(t: Terminal) -> bool:
    """Whether the mouse was switched on last, in every way that was used."""
    modes = {mode: how == "h" for mode, how in re.findall(r"\x1b\[\?(10\d\d)([hl])", t.written)}
    mouse = {modes[mode] for mode in ("1000", "1003", "1006")}
    assert len(mouse) == 1, modes
    return mouse.pop()


def assert_restored(t: Terminal) -> None:
    """The screen is the prompt's again."""
    t.wait_for("^ready>")
    assert not is_mouse_on(t)
    assert not t.screen.cursor.hidden
    assert t.written.rindex("\x1b[?1049l") > t.written.rindex("\x1b[?1049h")
    t.type("ls\r")
    t.wait_for("^ready")
    t.wait_for("^ready>$")


@pytest.mark.parametrize(("size", "digits"), [((80, 24), (7, 1, 0)), ((40, 16), (3,))])
def test_digits_drawn_with_the_mouse_are_read_as_they_are_drawn(
    at_the_board: AtTheBoard, size: tuple[int, int], digits: tuple[int, ...]
) -> None:
    t = at_the_board()
    layout = layout_for(*size)
    for digit in digits:
        t.resize(*size)
        t.read(0.3)
        t.type(strokes(layout, digit))
        t.wait_for(f" guess {digit}")
        assert is_mouse_on(t)
        t.resize(80, 24)
        t.type(f"{digit}\r")
        t.wait_for(f"^guess {digit}, answer {digit}: right$")
        t.type("mine\r")
        t.wait_for(f"^Added to mine as a {digit}: ")
        t.type("d\r")
        t.wait_for("─ draw a digit ─")
    t.type("q")
    assert_restored(t)


def test_leaving_without_harm(at_the_board: AtTheBoard) -> None:
    t = at_the_board()
    for key in (ESCAPE, "q", CTRL_C):
        t.type(strokes(Layout(42, 21), 7))
        t.wait_for("guess 7")
        t.type(key)
        t.wait_for("kept" if key == CTRL_C else "Left the board")
        assert_restored(t)
        t.type("d\r")
        t.wait_for("draw a digit with")


def test_a_signal_ends_board_and_program(at_the_board: AtTheBoard) -> None:
    t = at_the_board()
    os.kill(t.child.pid, signal.SIGTERM)
    assert t.leave() == -signal.SIGTERM
    assert not is_mouse_on(t)
    assert not t.screen.cursor.hidden
    assert t.echoes()


def test_a_resize_in_the_middle_of_a_stroke(at_the_board: AtTheBoard) -> None:
    t = at_the_board(120, 40)
    whole = strokes(Layout(56, 28), 7)
    half = whole.index("\x1b[<32", len(whole) // 2)
    t.type(whole[:half])
    t.resize(30, 10)
    t.wait_for(r"at least 40\ncolumns by 16 rows \(it is 30 x\n10\)")
    t.type(sgr(LEFT + MOVED, 5, 5) + sgr(LEFT, 5, 5, up=True) + "7")
    t.resize(80, 24)
    t.wait_for("─ draw a digit ─")
    assert "answer 7" not in t.text()
    t.type("c")
    t.type(strokes(Layout(42, 21), 1))
    t.wait_for("guess 1")
    t.type("u")
    t.wait_for("draw a digit with")
    t.type("q")
    assert_restored(t)


def test_suspended_and_resumed_with_the_drawing(terminal: Start) -> None:
    t = terminal(80, 24, "bash", "--norc", "--noediting", "-i", PS1="shell$ ")
    t.wait_for(r"^shell\$$")
    t.type(f"{' '.join(command([]))}\r")
    t.wait_for("^digitnet>$")
    t.type("l ready; d\r")
    t.wait_for("draw a digit with")
    t.type(strokes(Layout(42, 21), 7))
    t.wait_for("guess 7")
    t.type(CTRL_Z)
    t.wait_for(r"^shell\$$")
    assert not is_mouse_on(t)
    t.type("fg\r")
    t.wait_for("guess 7")
    assert is_mouse_on(t)
    t.type(ENTER)
    assert_restored(t)


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"DIGITNET_PLAIN": "1"}, {"DIGITNET_JSON": "1"}])
def test_no_board_where_it_cannot_be_shown(terminal: Start, env: dict[str, str]) -> None:
    t = terminal(100, 24, **env)
    t.wait_for("digitnet>")
    t.type("l ready; d\r")
    t.wait_for("drawing needs a prompt")
    assert "\x1b[?1000h" not in t.written


def test_ink_without_colours(at_the_board: AtTheBoard) -> None:
    t = at_the_board(NO_COLOR="1")
    t.type(strokes(Layout(42, 21), 1))
    t.wait_for("guess 1")
    assert len(re.findall("│ +███ +│", t.text())) > 5
    t.type("q")
    assert_restored(t)
