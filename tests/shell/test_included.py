"""The networks that come with digitnet: there from any folder of saves, and never changed."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Program
from registry_helpers import file_of
from session_helpers import Answers, do, refusal, shown

from digitnet.registry.saves import included_in
from digitnet.repl.command import COMMANDS
from digitnet.repl.session import NonInteractive, Session

INCLUDED = ROOT / "saves" / "included"


@pytest.fixture
def session(session: Session, tmp_path: Path) -> Iterator[Session]:
    """With a small included network, `little`."""
    do(session, "n mini; t 10; pas little")
    session.saves.rename(tmp_path / "included")
    session.included, session.hand = tmp_path / "included", None
    yield session
    included_in.cache_clear()


def listed(session: Session) -> dict[str, bool]:
    (result,) = do(session, "ls")
    return {network["name"]: network["included"] for network in result["networks"]}


def test_it_is_listed_offered_loaded_and_asked_after_own_ones(session: Session) -> None:
    do(session, "n mini; pas own")
    assert listed(session) == {"own": False, "little": True}
    offered = {c: set(COMMANDS[c].arguments[0].kind.offered(session, [])) for c in ("l", "watch")}
    assert offered == {"l": {"own", "little"}, "watch": {"own"}}  # which nothing changes
    (loaded,) = do(session, "l little")
    assert loaded["trained_batches"] == 10
    assert "Did you mean little?" in refusal(session, "l litle")
    session.asker = Answers(["2"])
    (loaded,) = do(session, "l")
    assert loaded["name"] == "little"
    do(session, "vote little own")


def test_saving_under_its_name_makes_ones_own_and_undo_keeps_working(session: Session) -> None:
    included = session.included or Path()
    before = {path.name: path.read_bytes() for path in included.iterdir() if path.is_file()}
    session.interactive, session.asker = True, Answers(["y"])
    do(session, "l little; t 5; p")  # asks nothing: nothing gives way
    assert session.asker.asked == []
    assert listed(session) == {"little": False}
    assert session.registry.load("little").trainer.progress.batches == 15
    do(session, "t 5; p; undo")
    assert session.registry.load("little").trainer.progress.batches == 15
    do(session, "del little")
    assert listed(session) == {"little": True}
    assert session.registry.load("little").trainer.progress.batches == 10
    do(session, "undo")
    assert listed(session) == {"little": False}
    assert session.registry.load("little").trainer.progress.batches == 15
    assert {p.name: p.read_bytes() for p in included.iterdir() if p.is_file()} == before


@pytest.mark.parametrize("line", ["pas little", "pas own; ren own little"])
def test_what_hides_it_says_how_it_comes_back(session: Session, line: str) -> None:
    last = shown(session, f"n mini; {line}").splitlines()[-1]
    assert last.endswith("; del little brings back the included one.")
    assert "brings back" not in shown(session, "ren little other")


def test_it_cannot_be_deleted_or_renamed(session: Session) -> None:
    session.asker = NonInteractive(yes=True)
    assert "'little' is included with digitnet and cannot be deleted" in refusal(
        session, "del little"
    )
    assert "'little' is included with digitnet and cannot be renamed" in refusal(
        session, "ren little mine"
    )
    assert listed(session) == {"little": True}


def test_a_damaged_own_one_hides_it(session: Session) -> None:
    do(session, "l little; p")
    file_of(session.saves, "little").write_bytes(b"damaged")
    assert "cannot be loaded" in refusal(session, "l little")


def test_ready_comes_with_any_folder_of_saves(program: Program, tmp_path: Path) -> None:
    done = program("--json", "--saves", str(tmp_path / "own"), "-c", "l ready; ch all; p; ls")
    _, checked, saved, networks = (json.loads(line) for line in done.stdout.splitlines())
    assert checked["accuracy"] > 0.98
    assert [n["included"] for n in networks["networks"] if n["name"] == "ready"] == [False]
    assert (tmp_path / "own" / saved["file"]).exists()


def test_a_wheel_holds_them() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        targets = tomllib.load(file)["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["force-include"]["saves/included"] == "digitnet/saves"
    assert "ready" in {entry.name for entry in included_in(INCLUDED)}
