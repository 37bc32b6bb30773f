"""Links in a folder of saves that a stranger made: nothing outside the folder is touched."""

import os
from pathlib import Path

import numpy as np
import pytest
from registry_helpers import file_of
from session_helpers import do, refusal

from digitnet.registry import files
from digitnet.registry.files import TEMPORARY, write_durably
from digitnet.registry.recovery import FOLDER
from digitnet.repl.session import Session


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder of somebody's, with files whose names a careless program would remove."""
    folder = tmp_path / "outside"
    folder.mkdir()
    for name in ("precious", f"{TEMPORARY}1-x", "1-0123abcd.pickle", "1-0123abcd.lock"):
        (folder / name).write_text(name)
    return folder


def untouched(folder: Path) -> bool:
    return all(path.read_text() == path.name for path in folder.iterdir())


@pytest.mark.parametrize("name", [FOLDER, ".trash"])
def test_a_folder_that_is_a_link_is_not_followed(
    session: Session, outside: Path, name: str
) -> None:
    session.saves.mkdir(parents=True, exist_ok=True)
    (session.saves / name).symlink_to(outside)
    do(session, "n diary; t 3; pas one; t 3")
    session.unfinished.autosave(session.network())
    assert "no unfinished training" in refusal(session, "recover")
    for line in ("p", "del one", "undo", "n diary; pas two; ren two three"):
        try:
            do(session, line)
        except AssertionError:
            continue  # refused, in a line
    assert untouched(outside)
    assert len([*outside.iterdir()]) == 4


def test_a_temporary_file_is_never_one_that_waits(
    tmp_path: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files.secrets, "token_hex", lambda _: "guessed")
    path = tmp_path / "a.npz"
    path.with_name(f"{TEMPORARY}guessed-a.npz").symlink_to(outside / "precious")
    with pytest.raises(FileExistsError):
        write_durably(path, b"new")
    assert untouched(outside)
    assert not path.exists()


def test_the_name_of_a_temporary_file_cannot_be_foreseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(files, "_keep_mode", lambda path, _: seen.extend(tmp_path.iterdir()))
    for _ in range(2):
        write_durably(tmp_path / "x", b"new")
    temporary = [path.name for path in seen if path.name.startswith(TEMPORARY)]
    assert len({*temporary}) == 2
    assert not any(str(os.getpid()) in name for name in temporary)


def test_a_recovery_file_with_a_strangers_name_is_not_taken(
    session: Session, outside: Path
) -> None:
    folder = session.saves / FOLDER
    folder.mkdir(parents=True)
    (folder / "1-0123abcd.pickle").symlink_to(outside / "1-0123abcd.pickle")
    (folder / "1-*.pickle").write_text("x")
    assert "there is no unfinished training" in refusal(session, "recover")
    assert untouched(outside)


@pytest.mark.parametrize("to", ["precious", "nothing"])
@pytest.mark.parametrize("was", ["a save", "nothing"])
def test_a_save_that_is_a_link_is_none_of_ours(
    session: Session, outside: Path, to: str, was: str
) -> None:
    do(session, "n mini; pas one; t 3; p; pas two; t 3; p; pas x")
    link, kept = session.saves / "0123456789abcdef.pickle", session.saves / ".trash"
    if was == "a save":
        link = file_of(session.saves)
        link.unlink()
    link.symlink_to(outside / to)
    (kept / f"00000009.replaced.{file_of(session.saves, 'one').name}").symlink_to(outside / to)
    (listed,) = (each for each in do(session, "ls")[0]["networks"] if each["damaged"])
    assert (listed["name"], listed["file"]) == (link.name, link.name)
    assert "symbolic link" in listed["damaged"]
    session.asker = type(session.asker)(yes=True)  # type: ignore[call-arg]
    for line in ("l {}", "pas {}", "del {}", "ren one {}", "ren {} y", "vote {}"):
        assert "symbolic link" in refusal(session, line.format(link.name))
    do(session, "pas x; l x; del x")
    assert [each["restored"] for each in do(session, "undo; undo two")] == ["x", "two"]
    assert do(session, "undo one; l one")[-1]["trained_batches"] == 0
    assert link.is_symlink()
    assert untouched(outside)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_save_keeps_its_permissions(session: Session) -> None:
    do(session, "n diary; pas one")
    path = file_of(session.saves, "one")
    path.chmod(0o600)
    do(session, "t 3; p")
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("recipe", ["quick", "conv"])
def test_weights_too_large_to_compute_with_are_told_in_a_line(
    session: Session, recipe: str
) -> None:
    do(session, f"n {recipe}")
    for p in session.network().network.parameters:
        p.value[...] = np.where(p.value >= 0, 1e30, -1e30)
    do(session, "pas huge; l huge")
    for line in ("c 1", "ch 20", "vote huge"):
        assert "weights are too large" in refusal(session, line)
    for line in ("i", "grad", "w", "t 2", "show"):
        do(session, line)


@pytest.mark.parametrize("value", ["cosine\u202820e", "cosine\n20e", "cosine 20\u0665e"])
def test_no_setting_steers_the_terminal(session: Session, value: str) -> None:
    do(session, "n diary")
    trainer = session.network().trainer
    for name in ("schedule", "augment"):
        with pytest.raises(ValueError, match="plain characters"):
            trainer.settings.changed(name, value)
