"""The prompt with typed keys, on prompt_toolkit's pipe input; no terminal is needed."""

import re
import signal
from collections.abc import Callable
from io import StringIO
from threading import Event, Timer

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from digitnet.repl.loop import Loop
from digitnet.repl.pictures.screen import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput
from digitnet.repl.terminal.prompt import converse
from digitnet.repl.terminal.readers import Loading

Typed = Callable[[str], str]
CTRL_C, CTRL_D = "\x03", "\x04"


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
            converse(Loading(lambda: Loop(session, output)), session.interrupts)
        assert session.leaving
        return shown.getvalue()

    return run


def test_a_first_session(typed: Typed, session: Session) -> None:
    shown = typed("t 2e\rch all\rpas first\rs\r")
    assert "Made a network, 784-256-10" in shown
    assert re.search(r"\d{3} of 1,000 right", shown)
    assert "Saved as 'first'" in shown
    assert session.registry.names() == ["first"]


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


@pytest.mark.parametrize("answer", ["first", "pas first", "p first", "save_as 'first'"])
def test_the_name_asked_for_may_come_as_a_command(
    typed: Typed, session: Session, answer: str
) -> None:
    typed(f"n\rp\r{answer}\rs\r")
    assert session.registry.names() == ["first"]


def test_p_takes_a_name(typed: Typed, session: Session) -> None:
    shown = typed("n\rp first\rp second\rp\rs\r")
    assert session.registry.names() == ["first", "second"]
    assert shown.count("Saved as 'second'") == 2


@pytest.mark.parametrize("key", ["\r", CTRL_C, CTRL_D])
def test_no_name_saves_nothing_and_says_so(
    typed: Typed, session: Session, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed(f"n\rp\r{key}s\r")
    assert session.registry.names() == []
    assert "nothing was saved; the network is still in hand" in capsys.readouterr().err


def test_a_mistake_does_not_end_the_session(
    typed: Typed, session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    typed("trian\rn\rdel nobody\rt 1\rpas one\rs\r")
    assert session.registry.names() == ["one"]
    assert "Did you mean train?" in capsys.readouterr().err


def test_delete_after_a_yes(typed: Typed, session: Session) -> None:
    typed("n\rpas one\rpas two\rdel one\ry\rdel two\rn\rs\r")
    assert session.registry.names() == ["two"]


def test_a_pasted_line_of_commands(typed: Typed, session: Session) -> None:
    typed("n diary; t 5; pas one; s\r")
    assert session.registry.names() == ["one"]


def test_what_is_typed_while_the_program_is_loaded_waits_for_it(session: Session) -> None:
    loaded, shown = Event(), StringIO()

    def load() -> Loop:
        loaded.wait(10)
        return Loop(session, ScreenOutput(Screen(shown, width=80)))

    with (
        create_pipe_input() as keyboard,
        create_app_session(input=keyboard, output=DummyOutput()),
    ):
        keyboard.send_text("n min\ti\rs\r")
        Timer(0.5, loaded.set).start()
        converse(Loading(load), session.interrupts)
    assert session.hand is not None
    assert session.hand.recipe == "mini"


def test_a_signal_while_the_program_is_loaded_ends_it(session: Session) -> None:
    interrupts = session.interrupts

    def load() -> Loop:
        interrupts.ended_by = signal.SIGTERM
        return Loop(session, ScreenOutput(Screen(StringIO(), width=80)))

    with (
        create_pipe_input() as keyboard,
        create_app_session(input=keyboard, output=DummyOutput()),
    ):
        keyboard.send_text("n mini\r")
        converse(Loading(load), interrupts)
    assert session.is_over
