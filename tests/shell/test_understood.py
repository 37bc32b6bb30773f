"""What people type is understood: help in every spelling, capitals, a question."""

import pytest
from session_helpers import refusal

from digitnet.repl.command import understood
from digitnet.repl.session import Session


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("?t", "? t"), ("t --help", "? t"), ("train -h", "? train"), ("T 3", "t 3"), ("? t", "? t"),
     ("?", "?"), ("LS", "ls"), ("? recipe", "? recipe"), ("img --help.png", "img --help.png")],
)  # fmt: skip
def test_what_people_type_for_help_and_capitals_are_understood(typed: str, meant: str) -> None:
    assert understood(typed.split()) == meant.split()


def test_an_unknown_command_suggests_one_that_the_line_names(session: Session) -> None:
    assert refusal(session, "how do I draw?").endswith("? draw explains it")
    assert refusal(session, "tran 3").endswith("Did you mean train?")
    for line, said in {
        "help me": "a word explained here. ? lists the commands",
        "? everything": "a word explained here. ? lists the commands",
        "set learning rate 1": "'learning rate' is not a setting. Did you mean rate?",
        "set weight decay 0.1": "'weight decay' is not a setting. Did you mean l2?",
    }.items():
        assert refusal(session, line).endswith(said)
