"""What the prompt offers while a line is typed, and the hint after the cursor."""

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from session_helpers import do

from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.registry.model import Blueprint, StudyRecord
from digitnet.repl.command import COMMANDS
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import Offers, usage_to_come


def offered(session: Session, line: str) -> dict[str, str]:
    """The lines that the offers would make, each with its description."""
    found = Offers(session).get_completions(Document(line, len(line)), CompleteEvent())
    return {
        line[: len(line) + c.start_position] + c.text: c.display_meta_text.strip() for c in found
    }


def test_an_empty_line_offers_every_command_once(session: Session) -> None:
    assert set(offered(session, "")) == {c.name for c in COMMANDS.values()}


OFFERS = {
    "tr": ["train"],
    "n rel": ["n relu"],
    "n truth; n rel": ["n truth; n relu"],
    "n 784 100 10 ta": ["n 784 100 10 tanh"],
    "set ra": ["set rate"],
    "set optimizer ad": ["set optimizer adam", "set optimizer adamw"],
    "set schedule co": ["set schedule constant", "set schedule cosine"],
    "set vi ": ["set vi on", "set vi off"],
    "set batch a": ["set batch all"],
    "data mn": ["data mnist", "data mnist11"],
    "ch ": ["ch all"],
    "study ra": ["study rate"],
    "study st": ["study steps"],
    "study --name x --r": ["study --name x --repeat"],
    "study steps ": ["study steps show", "study steps best"],
    "study steps show ": [],
    "study optimizer sgd ada": ["study optimizer sgd adam", "study optimizer sgd adamw"],
    "study rate 1 --": [f"study rate 1 --{flag}" for flag in ("repeat", "for", "name", "on")],
    "min 5 ": ["min 5 l-bfgs", "min 5 cg"],
    "? und": ["? undo"],
    "l fi": ["l first"],
    "l FI": ["l first"],
    "l irs": ["l first"],
    "l mwn": ["l 'my own'"],
    "n elu": [],
    "l my": ["l 'my own'"],
    "l 'my o": ["l 'my own'"],
    "l 'my own'": ["l 'my own'"],
    r"l my\ o": ["l 'my own'"],
    "l my' 'o": ["l 'my own'"],
    "l it": ['l "it\'s"', "l first"],
    "del first ": ['del first "it\'s"', "del first 'my own'", "del first steps"],
    "ren fi": ["ren first"],
    "war": ["warm"],
    "warm ": [],
    "mine opt": ["mine optimizer"],
    "mine optimizer ada": ["mine optimizer adam", "mine optimizer adamw"],
    "loose ": [],
    "nonsense ": [],
    "n relu tanh softmax squared more ": [],
    "s ": [],
    "# t": [],
}


def test_offers(session: Session) -> None:
    do(session, "n truth; pas first; pas 'my own'; pas \"it's\"")
    study = StudyRecord("steps", ["rate", "1"], Blueprint("3-1"), "truth", 1)
    session.registry.save(study, study.name)
    session.aliases = {"warm": "n; t 2e", "mine": "i; set", "loose": "t 'x"}
    for line, expected in OFFERS.items():
        assert sorted(offered(session, line)) == sorted(expected), line


def test_offers_are_described(session: Session) -> None:
    do(session, "n truth; pas first")
    assert offered(session, "l fi")["l first"].startswith("3-1, saved ")
    assert offered(session, "n re")["n relu"].startswith("1,024 ReLU units")
    assert set(offered(session, "set optimizer ")) == {f"set optimizer {o}" for o in OPTIMIZERS}
    assert all(offered(session, "set optimizer ").values())


def test_saves_that_cannot_be_read_offer_nothing(session: Session) -> None:
    session.saves.write_text("no folder")
    assert offered(session, "l f") == {}


def test_a_hostile_alias_does_not_reach_the_terminal(session: Session) -> None:
    session.aliases = {"x\x1b[2J": "t\x1b[31m"}
    (shown,) = (
        (c.display_text, c.display_meta_text)
        for c in Offers(session).get_completions(Document("x", 1), CompleteEvent())
    )
    assert "\x1b" not in "".join(shown)


HINTS = {
    "": "",
    "t": " [AMOUNT]",
    "t ": "[AMOUNT]",
    "t 3e": "",
    "t 3e ": "",
    "t 3 epochs ": "",
    "n 784 100 10 ": "[HIDDEN] [OUTPUT] [COST]",
    "ch all; pas": " NAME",
    "ren a ": "NEW",
    "del ": "NAME...",
    "set rate ": "[VALUE] [HORIZON]",
    "nonsense": "",
    "pas 'x": "",
    "n 'x'": "",
    "go": " [AMOUNT]",
    "go ": "[AMOUNT]",
    "done ": "",
    "nothing": "",
    "loose ": "",
}


def test_hints() -> None:
    aliases = {"go": "n; t", "done": "t 3e", "nothing": "# at all", "loose": "t 'x"}
    assert {line: usage_to_come(line, aliases) for line in HINTS} == HINTS


def test_files_are_offered_as_they_must_be_typed(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("my file.npz", "it's.npz", "plain.npz", ".hidden", "bad\x1b[2J.npz"):
        (tmp_path / name).write_text("")
    (tmp_path / "folder").mkdir()
    assert set(offered(session, "import ")) == {
        "import 'my file.npz'",
        'import "it\'s.npz"',
        "import plain.npz",
        "import folder",
    }
    for typed in ("'my", r"my\ fi", "'my file.npz'"):
        assert set(offered(session, f"import {typed}")) == {"import 'my file.npz'"}
    assert set(offered(session, "import .h")) == {"import .hidden"}


def test_the_exact_word_comes_first(session: Session) -> None:
    assert next(iter(offered(session, "t"))) == "t"
