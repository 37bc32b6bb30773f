"""`export` and `import` as commands: what they give back, ask, and leave alone."""

import os
from pathlib import Path

import numpy as np
import pytest
from session_helpers import Answers, do, refusal, shown

from digitnet.repl.command import COMMANDS
from digitnet.repl.session import Session
from digitnet.repl.terminal.completion import toolbar


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("suffix", ["npz", "safetensors", "onnx"])
def test_a_network_goes_out_and_comes_back(session: Session, here: Path, suffix: str) -> None:
    *_, case, out = do(session, f"n diary; t 100; set average 0.9; t 50; c 3; export x.{suffix}")
    written = (here / f"x.{suffix}").stat().st_size
    assert out == {"command": "export", "file": f"x.{suffix}", "bytes": written, "format": suffix}
    session.seed = 77
    back, again, fields = do(session, f"n relu; import x.{suffix}; c 3; i")[1:]
    assert again["outputs"] == case["outputs"]
    assert [text[:13] for text in back.pop("understood")] == ["Understood as"] * (suffix == "onnx")
    assert back == {
        "command": "import",
        "name": None,
        "shape": "784-16-16-10",
        "recipe": "diary",
        "parameters": 13002,
        "trained_batches": None,
    }
    assert (fields["seed"], fields["trained_on"], fields["data"]) == (77, ["sample"], "sample")
    assert session.registry.entries() == []
    assert do(session, "t 1; ch all; pas back; l back")[-1]["command"] == "l"
    assert do(session, f"n truth; t 10; export y.{suffix}; n; import y.{suffix}; ch all")[-1][
        "seen_in_training"
    ]


def test_a_file_that_is_there_is_written_over_only_after_a_yes(
    session: Session, here: Path
) -> None:
    do(session, "n mini")
    for name in ("file.npz", "link.npz", "nowhere.npz"):
        (here / "file.npz").write_bytes(b"mine")
        if name != "file.npz":
            (here / name).symlink_to("file.npz" if name == "link.npz" else "missing")
        session.asker = Answers(["n"])
        assert "nothing was written" in refusal(session, f"export {name}")
        assert (here / "file.npz").read_bytes() == b"mine"
        session.asker = Answers(["y"])
        do(session, f"export {name}; import {name}")
    assert "--yes" in refusal(Session(session.saves, [], here), "n mini; export file.npz")


def test_what_is_no_file_is_not_written_over(session: Session, here: Path) -> None:
    (here / "folder.npz").mkdir()
    os.mkfifo(here / "pipe.npz")
    do(session, "n mini")
    for name in ("folder.npz", "pipe.npz", "/dev/null.npz/x.npz", "no/folder.npz"):
        assert "nothing was written" in refusal(session, f"export {name}")
    assert sorted(path.name for path in here.iterdir()) == ["folder.npz", "pipe.npz"]


def test_unsaved_training_is_asked_about_before_an_import_that_can_be(
    session: Session, here: Path
) -> None:
    session.interactive = True
    (here / "damaged.npz").write_bytes(b"no")
    do(session, "n mini; export x.npz; t 5")
    assert "not a whole .npz file" in refusal(session, "import damaged.npz")
    session.asker = Answers(["n", "y"])
    assert "unchanged" in refusal(session, "import x.npz")
    assert session.unsaved == "5 mini-batches of training"
    do(session, "import x.npz")
    assert not session.unsaved


def test_the_examples_of_the_help_work(session: Session, here: Path) -> None:
    do(session, "n mini")
    for name in ("export", "import"):
        for example in COMMANDS[name].examples:
            if "mlp" not in example:
                do(session, example)
    assert len(list(here.iterdir())) == 5


def test_weights_of_others_are_told_how_they_were_understood(session: Session, here: Path) -> None:
    rng = np.random.default_rng(1)
    np.savez(here / "mlp.npz", rng.normal(size=(784, 4)), rng.normal(size=(4, 10)))
    assert "import mlp.npz relu" in refusal(session, "import mlp.npz")
    said = shown(session, "import mlp.npz tanh; ch 10")
    assert "arr_0 784 x 4, arr_1 4 x 10. Taken to be: softmax outputs, tanh hidden" in " ".join(
        said.split()
    )
    session.asker = Answers(["relu", "nonsense"])
    assert do(session, "import mlp.npz")[0]["shape"] == "784-4-10"
    refusal(session, "import mlp.npz")


def test_a_committee_leaves_and_a_member_is_taken_out(session: Session) -> None:
    lines = "n 784-4-10; pas a; n 784-5-10; t 20; c 3; pas b; vote a b; pas both; export both.npz"
    case = next(r for r in do(session, lines) if r["command"] == "c")
    loaded, again = do(session, "import both.npz; l both 2; c 3")[1:]
    assert (loaded["shape"], again["outputs"]) == ("784-5-10", case["outputs"])
    assert "on sample, for how long is not recorded" in shown(session, "i; pas member")
    assert "Loaded 'member': 784-5-10." in shown(session, "l member; i")
    assert "batch" not in toolbar(session, 200)
    assert do(session, "t 1; ch all; pas mine")[-1]["name"] == "mine"
    assert "has members 1 to 2" in refusal(session, "l both 3")
    assert "is no committee" in refusal(session, "l a 1")
