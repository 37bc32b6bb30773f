"""`set watch`: what is seen of a network in training, which is the same and not slower for it."""

from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from conftest import Start
from session_helpers import do, refusal

from digitnet.engine.schedules import Amount
from digitnet.repl.features import train as features
from digitnet.repl.features.train import train
from digitnet.repl.pictures import Screen
from digitnet.repl.result import Note
from digitnet.repl.session import Session


def screen(columns: int, rows: int, *, plain: bool = False) -> Screen:
    made = Screen(StringIO(), width=columns, force_terminal=not plain, plain=plain)
    made.height = rows
    return made


def drawn(session: Session, amount: int, columns: int = 120, rows: int = 40) -> list[list[str]]:
    """What a training shows, report by report."""
    shown: list[list[str]] = []
    on = screen(columns, rows, plain=True)

    def show(update: Note) -> None:
        if not update.lasting:
            with on.capture() as captured:
                on.print(update)
            shown.append(captured.get().splitlines())

    session.show = show
    train(session, Amount(amount, "batches"))
    return shown


@pytest.mark.parametrize("recipe", ["784-16-10", "28x28-4c5-p2-b-10", "mini"])
def test_a_training_that_is_watched_is_the_same_to_the_bit(
    session: Session, tmp_path: Path, recipe: str
) -> None:
    other = Session(tmp_path / "other", session.data_sets.folders, tmp_path, seed=1)
    do(other, f"n {recipe}; t 30")
    do(session, f"n {recipe}; set watch both")
    assert any("misread" in line for line in drawn(session, 30)[-1])
    for mine, theirs in zip(
        session.network().network.parameters, other.network().network.parameters, strict=True
    ):
        np.testing.assert_array_equal(mine.value, theirs.value)


@pytest.mark.parametrize(
    ("what", "columns", "rows", "misread", "weights"),
    [("both", 120, 40, True, True), ("both", 120, 24, True, True), ("both", 80, 40, True, True),
     ("both", 50, 24, True, False), ("both", 80, 24, True, False), ("both", 80, 16, False, False),
     ("both", 25, 10, False, False), ("misread", 120, 40, True, False),
     ("weights", 120, 40, False, True)],
)  # fmt: skip
def test_as_much_of_what_is_asked_for_is_shown_as_fits(
    session: Session, what: str, columns: int, rows: int, misread: bool, weights: bool
) -> None:
    do(session, f"n diary; set watch {what}")
    for lines in drawn(session, 60, columns, rows):
        assert len(lines) <= rows
        assert max(map(len, lines)) <= columns
    text = "\n".join(lines)
    assert ("misread, of the first 300 validation cases" in text) == misread
    assert ("weights of the first layer" in text) == weights


def test_nothing_is_looked_at_where_nothing_is_drawn(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "_seen", lambda *its: pytest.fail("nobody sees it"))
    do(session, "n diary; set watch both; t 40")


def test_what_cannot_be_watched(session: Session) -> None:
    says = "watch is off, misread, weights or both, not 'all'. Example: set watch both"
    assert says in refusal(session, "set watch all")
    assert do(session, "set watch")[0]["watch"] == "off"


def test_on_a_terminal(terminal: Start) -> None:
    t = terminal(120, 40, PYTHONUNBUFFERED="1").ready()  # Ctrl-C loses no part of a drawing
    t.do("n diary; set watch both", "^diary>")
    t.do("t 3000e", r"\d as \d  \d.\d\d")
    t.wait_for(r"weights of the first layer")
    t.type("\x03")
    t.wait_for(r"^diary\*>$")
    assert "of the first layer" not in t.text()
