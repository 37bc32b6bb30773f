"""What a person finds who has a damaged save: the reason, the others whole, and a way back."""

from pathlib import Path

import pytest
from registry_helpers import file_of
from session_helpers import do, refusal

from digitnet.repl.session import Session


@pytest.fixture
def damaged(session: Session) -> Path:
    """The file of `x`, damaged; the version before it, of 10 mini-batches, is kept."""
    do(session, "n mini; t 10; pas whole; pas x; t 5; p")
    path = file_of(session.saves, "x")
    path.write_bytes(path.read_bytes()[:-1])
    return path


def test_ls_shows_the_reason_and_the_others(session: Session, damaged: Path) -> None:
    one, other = do(session, "ls")[0]["networks"]
    assert (one["name"], one["damaged"]) == ("whole", None)
    assert (other["name"], other["file"]) == ("x", damaged.name)
    assert "cut short" in other["damaged"]


def test_a_name_may_stand_in_a_file_that_cannot_be_read(session: Session, damaged: Path) -> None:
    assert "which ls names" in refusal(session, "l other")
    damaged.unlink()
    assert "which ls names" not in refusal(session, "l other")


def test_undo_brings_back_the_version_before(session: Session, damaged: Path) -> None:
    before = damaged.read_bytes()
    assert "cannot be loaded: it is cut short" in refusal(session, "l x")
    assert "Its file was left as it is" in refusal(session, "l x")
    assert refusal(session, "l x").endswith("; undo 'x' brings back the version before")
    assert do(session, "undo; l x")[-1]["trained_batches"] == 10
    assert "nothing whole" in refusal(session, "undo")  # the damaged one is kept, no more
    assert "is damaged" in refusal(session, "undo x")
    assert before in [path.read_bytes() for path in session.registry.trash.folder.iterdir()]
    assert do(session, "l x")[-1]["trained_batches"] == 10


def test_a_damaged_save_can_be_saved_over_and_deleted(session: Session, damaged: Path) -> None:
    before = damaged.read_bytes()
    session.asker = type(session.asker)(yes=True)  # type: ignore[call-arg]
    do(session, "del x; undo")
    assert damaged.read_bytes() == before
    do(session, "pas x; l x; undo")  # the damaged one is passed over for the one before it
    assert do(session, "l x")[-1]["trained_batches"] == 10
