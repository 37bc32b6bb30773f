"""Machines as they are: users without a home, files as Windows writes them, logs in colour."""

import codecs
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from conftest import Program

from digitnet import paths

ENTRY = pwd.getpwuid(0)


def no_entry(user: int) -> Any:
    raise KeyError(user)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the package did not run from a checkout, so that saves are in the user's folder."""
    monkeypatch.setattr(paths, "is_checkout", lambda: False)


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_home_that_is_none_is_that_of_the_users_entry(
    monkeypatch: pytest.MonkeyPatch, program: Program, tmp_path: Path, installed: None, home: str
) -> None:
    entry = tuple(str(tmp_path / "home") if part == ENTRY.pw_dir else part for part in ENTRY)
    monkeypatch.setattr(pwd, "getpwuid", lambda user: pwd.struct_passwd(entry))
    done = program("-c", "n mini; pas one", env={"DIGITNET_SAVES": "", "HOME": home})
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "home").rglob("*.pickle"))
    assert not (tmp_path / "relative").exists()


@pytest.mark.parametrize("home", ["", "relative"])
def test_a_user_without_a_home_is_told_what_to_do_and_everything_else_works(
    monkeypatch: pytest.MonkeyPatch, program: Program, tmp_path: Path, installed: None, home: str
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    env = {"DIGITNET_SAVES": "", "HOME": home}
    done = program("-c", "n mini; t 5; ls", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("digitnet: there is no home folder, so networks cannot be saved")
    done = program("-c", "n mini; pas one", env=env)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    done = program("--saves", str(tmp_path / "s"), "-c", "n mini; pas one", env=env)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("given", ["~nobody-of-that-name/x", "~nobody-of-that-name"])
@pytest.mark.parametrize("flag", ["saves", "data"])
def test_the_home_of_a_user_who_does_not_exist_is_refused(
    program: Program, flag: str, given: str
) -> None:
    for arguments, env in (([f"--{flag}", given], {}), ([], {f"DIGITNET_{flag.upper()}": given})):
        done = program(*arguments, "-c", "ls", env=env)
        assert done.returncode == 2
        assert "no home folder is known for '~nobody-of-that-name'" in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_configuration_with_a_byte_order_mark_is_read(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(codecs.BOM_UTF8 + b'[alias]\r\nhello = "? t"\r\n')
    done = program("-c", "hello", env={"DIGITNET_CONFIG": str(path)})
    assert (done.returncode, done.stderr) == (0, "")
    path.write_text('[alias]\nhello = "? t"\n', encoding="utf-16")
    done = program("-c", "ls", env={"DIGITNET_CONFIG": str(path)})
    assert done.returncode == 0
    assert "cannot be read: it is not UTF-8 text; save it as UTF-8" in done.stderr


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_script_in_utf_16_is_named_as_such(
    program: Program, tmp_path: Path, encoding: str
) -> None:
    (tmp_path / "script").write_text("ls\r\ndata\r\n", encoding=encoding)
    done = program("script")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("digitnet: cannot read script: it is UTF-16")
    assert done.stderr.count("\n") == 1


def test_a_script_with_a_byte_order_mark_is_read(program: Program, tmp_path: Path) -> None:
    (tmp_path / "script").write_text("? t\n", encoding="utf-8-sig")
    assert program("script").returncode == 0


def test_it_starts_without_the_variable_and_with_what_windows_calls_absolute(
    monkeypatch: pytest.MonkeyPatch, program: Program, environment: dict[str, str]
) -> None:
    is_absolute = os.path.isabs  # "/" is not, on Windows, since Python 3.13
    monkeypatch.setattr(os.path, "isabs", lambda path: path != "/" and is_absolute(path))
    del environment["HOME"]
    done = program("-c", "n mini")
    assert done.returncode == 0, done.stderr


def test_a_script_from_a_pipe_is_utf_8_as_one_from_a_file(program: Program) -> None:
    done = program(stdin="n mini; pas Größe\n", env={"PYTHONIOENCODING": "cp1252"})
    assert "Größe" in program("-c", "ls").stdout, done.stdout


def test_nothing_is_redrawn_in_a_log_in_colour(program: Program) -> None:
    done = program("-c", "n mini; t 2000", env={"FORCE_COLOR": "1", "TERM": "xterm-256color"})
    assert done.returncode == 0
    for redrawing in ("\r", "\x1b[J", "\x1b[2K", "\x1b[?7l"):
        assert redrawing not in done.stdout
