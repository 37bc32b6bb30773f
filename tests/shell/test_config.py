"""The file of settings: defaults, aliases, and what is wrong with it."""

import json
import os
from pathlib import Path

import pytest
from conftest import Program
from session_helpers import do, refusal

from digitnet import paths
from digitnet.flags import KEYS, read_config
from digitnet.repl.session import Session


def read(tmp_path: Path, text: str) -> object:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return read_config(path)


def test_everything_that_can_be_said(tmp_path: Path) -> None:
    config = read(
        tmp_path,
        'saves = "~/s"\ndata = "."\nseed = 3\nthreads = 1\nplain = true\nyes = false\n'
        "no-color = true\nvi = true\njson = false\nreports = true\nkeep-going = true\n"
        '[alias]\nwarm = "n; t 2e"\n',
    )
    texts = {"saves": str(Path.home() / "s"), "data": "."}
    numbers = {"seed": 3, "threads": 1}
    switches = {"plain": True, "yes": False, "no-color": True, "vi": True}
    switches |= {"json": False, "reports": True, "keep-going": True}
    assert config.values == texts | numbers | switches
    assert config.aliases == {"warm": "n; t 2e"}
    assert config.warnings == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("seeed = 1", f"'seeed' is not a setting. There are: {', '.join(KEYS)}"),
        ("seed = true", "seed is a whole number, not True"),
        ("saves = 3", "saves is a text, not 3"),
        ('vi = "on"', "vi is true or false, not 'on'"),
        ("alias = 3", "alias is a table, [alias], not 3"),
        ('[alias]\n"a b" = "n"', "alias 'a b' is not one word"),
        ("[alias]\na = 3", "alias 'a' is a text of commands, not 3"),
        ("no toml", "cannot be read: Expected '='"),
        ("x = " + "[\n" * 5000, "cannot be read: it is nested too deep"),
        ("#" * 2_000_000, "cannot be read: it is too large"),
        # what would take gigabytes to be read
        (".".join(["a"] * 20_000) + " = 1\nvi = true", "too large for settings"),
        ("# " + "x" * 2000 + "\nvi = true", "too large for settings"),
        ("# x\n" * 30_000 + "vi = true", "too large for settings"),
        ('saves = "a\\u0000b"', "saves: 'a\\x00b' is not a folder"),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_wrong_is_told_and_the_rest_taken(tmp_path: Path, text: str, told: str) -> None:
    config = read(tmp_path, text)
    (warning,) = config.warnings
    assert told in warning
    assert (config.values, config.aliases) == ({}, {})


def test_one_bad_alias_leaves_the_others(tmp_path: Path) -> None:
    config = read(tmp_path, '[alias]\na = "n"\n"t 1" = "n"\nb = "ls"\n')
    assert config.aliases == {"a": "n", "b": "ls"}


def test_what_is_no_file_is_told_and_none_is_no_complaint(tmp_path: Path) -> None:
    assert read_config(tmp_path / "none").warnings == []
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        (warning,) = read_config(path).warnings
        assert "it is not a file" in warning


def test_flags_win_over_the_environment_and_that_over_the_file(
    program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('seed = 1\nthreads = 0\nboo = 1\n[alias]\nq5 = "n; i"\n')
    env = {"DIGITNET_CONFIG": str(path), "DIGITNET_SEED": ""}

    def seed(*flags: str, **more: str) -> int:
        done = program("--json", *flags, "-c", "q5", env=env | more)
        assert done.returncode == 0
        assert "'boo' is not a setting" in done.stderr
        assert f"{path}: threads: '0' is not a whole number from 1" in done.stderr
        return int(json.loads(done.stdout.splitlines()[1])["seed"])

    assert seed() == 1
    assert seed(DIGITNET_SEED="2") == 2
    assert seed("--seed", "3", DIGITNET_SEED="2") == 3


def test_the_usual_place(program: Program, tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "digitnet"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[alias]\nhello = "?"\n')
    done = program("-c", "hello t; ? hello")
    assert "t [AMOUNT]" in done.stdout
    assert "hello  ?" in done.stdout


def test_a_python_program_has_the_folders_of_the_configuration_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(f"saves = {str(tmp_path / 'a')!r}\ndata = '~'\n")
    monkeypatch.setenv("DIGITNET_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("DIGITNET_SAVES", raising=False)
    monkeypatch.delenv("DIGITNET_DATA", raising=False)
    assert paths.saves_folder() == tmp_path / "a"
    assert paths.data_folders(None)[0] == Path.home()
    default = paths.CHECKOUT / "saves"
    for ignored in ("saves = 3\n[", "saves = 3", 'saves = "~nobody-here/a"', 'saves = "a\\u0000b"'):
        (tmp_path / "config.toml").write_text(f"{ignored}\ndata = {str(tmp_path / 'none')!r}")
        assert (paths.saves_folder(), len(paths.data_folders(None))) == (default, 2)
    (tmp_path / "config.toml").write_text(f"saves = {str(tmp_path / 'config.toml')!r}")
    assert paths.saves_folder() == default
    monkeypatch.setenv("DIGITNET_DATA", "~nobody-here/a")
    with pytest.raises(ValueError, match="no home folder is known for '~nobody-here'"):
        paths.data_folders(None)


@pytest.mark.parametrize("chosen", ["nowhere.toml", "a" * 300, "folder", "file/config.toml"])
def test_a_configuration_that_is_named_and_cannot_be_read_is_told_in_a_line(
    program: Program, tmp_path: Path, chosen: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    done = program("-c", "ls", env={"DIGITNET_CONFIG": chosen})
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert chosen[:100] in done.stderr
    assert "defaults are used" in done.stderr


def test_an_alias_may_be_made_of_others_but_not_of_itself(session: Session) -> None:
    session.aliases = {"one": "n diary; t 1", "two": "one; t", "train2": "train2 3"}
    session.aliases |= {"a": "b", "b": "a"}
    assert [result["command"] for result in do(session, "two 2")] == ["n", "t", "t"]
    assert refusal(session, "train2") == "the alias 'train2' refers to itself: train2 3"
    assert "refers to itself" in refusal(session, "b")


def test_an_alias_takes_what_is_typed_after_it(session: Session) -> None:
    session.aliases = {"go": "n diary; t", "none": "# nothing"}
    made, trained = do(session, "go 3")
    assert made["recipe"] == "diary"
    assert trained["batches"] == 3
    assert do(session, "none") == []


def test_an_alias_may_say_where_the_words_after_it_belong(session: Session) -> None:
    session.aliases = {"go": "n $1; t $2; c", "again": "go mini $1"}
    made, trained, case = do(session, "go diary 3 7")
    assert (made["recipe"], trained["batches"], case["index"]) == ("diary", 3, 7)
    assert do(session, "again 2")[1]["batches"] == 2
    assert refusal(session, "go diary") == "the alias 'go' needs more after it: 2 in all"


def test_an_alias_that_is_a_command_is_told_and_ignored(program: Program, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[alias]\nls = "n"\nmine = "?"\nb = "n"\n')
    done = program("-c", "b; ls", env={"DIGITNET_CONFIG": str(tmp_path / "config.toml")})
    assert done.returncode == 0
    for name in ("ls", "mine"):
        assert f"alias '{name}' is a command already. It is ignored" in done.stderr
    assert done.stdout.count("New network") == 1


def test_aliases_that_multiply_are_bounded(session: Session) -> None:
    aliases = {f"a{n}": "; ".join([f"a{n + 1}"] * 10) for n in range(12)}
    session.aliases |= aliases | {"a12": "set threads"}
    assert "more than 1,000 commands" in refusal(session, "a0")
    assert len(do(session, "a10")) == 100
