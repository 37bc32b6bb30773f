"""The prompt with typed keys, on prompt_toolkit's pipe input; no terminal is needed."""

import os
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from session_helpers import do

from digitnet.flags import read_flags
from digitnet.repl.conversation import Conversation
from digitnet.repl.errors import CommandError
from digitnet.repl.interrupts import Interrupts
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal.history import KeptHistory
from digitnet.repl.terminal.output import ScreenOutput
from digitnet.repl.terminal.prompt import Loading, converse

Typed = Callable[[str], str]
CTRL_C, CTRL_D = "\x03", "\x04"


def opened(loading: Loading, interrupts: Interrupts) -> None:
    """Opens the prompt with the usual options and no history."""
    converse(loading, interrupts, read_flags([], {})[0], KeptHistory(Path(os.devnull)))


@pytest.fixture
def typed(session: Session) -> Typed:
    """Types these keys at the prompt and gives back what was shown."""

    def run(keys: str) -> str:
        shown = StringIO()
        session.interactive = True
        output = ScreenOutput(Screen(shown, width=80))
        with (
            create_pipe_input() as keyboard,
            create_app_session(input=keyboard, output=DummyOutput()),
        ):
            keyboard.send_text(keys)
            opened(Loading(lambda: Conversation(session, output)), session.interrupts)
        assert session.leaving
        return shown.getvalue()

    return run


@pytest.mark.parametrize(
    ("keys", "saved", "said"),
    [
        ("t 2e\rch all\rpas first\rs\r", ["first"], r"784-256-10.*\d{3} of 1,000 right"),
        ("n diary; t 5; pas one; s\r", ["one"], "Saved as 'one'"),
        ("n\rp\rfirst\rs\r", ["first"], "Saved as 'first'"),
        ("n\rp first\rp second\rp\rs\r", ["first", "second"], "'second'.*Saved as 'second'"),
        ("n\rpas one\rpas two\rdel one\ry\rdel two\rn\rs\r", ["two"], ""),
        ("trian\rn\rdel nobody\rt 1\rpas one\rs\r", ["one"], ""),
        ("n\rp\r\rs\r", [], ""),
        (f"n\rp\r{CTRL_C}s\r", [], ""),
        (f"n\rp\r{CTRL_D}s\r", [], ""),
    ],
    ids=repr,
)
def test_what_is_typed_and_answered_is_done(
    typed: Typed,
    session: Session,
    capsys: pytest.CaptureFixture[str],
    keys: str,
    saved: list[str],
    said: str,
) -> None:
    assert re.search(said, typed(keys), re.DOTALL)
    assert session.registry.names() == saved
    errors = capsys.readouterr().err
    assert ("nothing was saved" in errors) == (not saved)
    assert ("Did you mean train?" in errors) == ("trian" in keys)


def test_a_program_that_cannot_be_loaded_says_so_and_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def load() -> Conversation:
        raise CommandError("digitnet cannot be loaded: ImportError: numpy")

    with (
        create_pipe_input() as keyboard,
        create_app_session(input=keyboard, output=DummyOutput()),
        pytest.raises(CommandError, match="cannot be loaded: ImportError"),
    ):
        keyboard.send_text("t")  # whose completions wait for the program
        opened(Loading(load), Interrupts())
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_clears_the_line_and_ctrl_d_leaves(typed: Typed, session: Session) -> None:
    typed(f"n diary{CTRL_C}n relu\r{CTRL_D}")
    assert session.hand is not None
    assert session.hand.recipe == "relu"


@pytest.mark.parametrize("key", [CTRL_D, "s\r", "quit\r"])
def test_leaving_with_unsaved_training_is_asked_about(
    typed: Typed, session: Session, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(f"t 3\r{key}n\r{key}{CTRL_C}{key}y\r")
    assert session.unsaved == "3 mini-batches of training"
    assert capsys.readouterr().err.count("not leaving") == 2


def test_leaving_may_save_what_is_not_saved(typed: Typed, session: Session) -> None:
    shown = typed("t 3\rs\rs\rfirst\r")
    assert "Saved as 'first'" in shown
    assert session.registry.load("first").trainer.progress.batches == 3


def test_leaving_stays_where_no_name_is_given(typed: Typed, session: Session) -> None:
    typed(f"t 3\r{CTRL_D}s\r\r{CTRL_D}s\r{CTRL_C}t 1\r{CTRL_D}s\rfirst\r")
    assert session.registry.load("first").trainer.progress.batches == 4


def test_who_comes_back_is_told_once_their_saves_are_read(
    typed: Typed, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    do(session, "n mini; t 3; pas a")
    typed("i\ri\rs\r")
    assert capsys.readouterr().out.count("Welcome back. 'a',") == 1
