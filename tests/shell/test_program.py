"""The program without a terminal: flags, scripts, pipes, JSON, exit codes, broken streams."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Begin, Finished, Program
from terminal_helpers import command

from digitnet import __version__

ALL = "n; t 20; c 0; show 2; i; pas one; ls; data; ?; ? t"


def objects(done: Finished) -> list[dict[str, Any]]:
    """What --json printed."""
    return [json.loads(line) for line in done.stdout.splitlines()]


JSON_FIELDS = {
    "t 5": "batches samples seconds samples_per_second cost train_accuracy validation_accuracy "
    "stopped restored_best",
    "c 0": "index set answer guess correct outputs cost",
    "ch 10": "correct total accuracy cost set seen_in_training",
    "pas one": "name file bytes",
    "p": "name file bytes",
    "l one": "name shape recipe parameters trained_batches",
    "ls": "networks studies unlisted",
    "ren one two": "name file was",
    "ren two one": "name file was",
    "del one": "deleted",
    "undo": "restored",
    "n": "name shape recipe parameters trained_batches",
}


def test_every_command_prints_one_object_on_one_line(program: Program) -> None:
    first, *rest = JSON_FIELDS
    done = program("--json", "--yes", "-c", first, "-c", "; ".join(rest))
    assert (done.returncode, done.stderr) == (0, "")
    for line, (typed, fields) in zip(objects(done), JSON_FIELDS.items(), strict=True):
        assert line.pop("command") == typed.split()[0]
        assert line.pop("ok") is True
        assert line.pop("version") == 1
        assert set(line) == set(fields.split())
        if typed == "ls":
            fields = "name shape parameters trained_batches accuracy saved_at bytes damaged hidden"
            for listed in line["networks"]:
                assert set(listed) - {"included", "measured_on", "file"} == set(fields.split(" "))


def test_a_failure_ends_a_script_with_one_line_and_exit_code_1(program: Program) -> None:
    done = program("--json", "-c", "n; nonsense; pas one")
    made, failed = objects(done)
    assert made["ok"] is True
    assert failed == {
        "command": "nonsense", "ok": False, "version": 1, "error": failed["error"],
    }  # fmt: skip
    assert (done.returncode, done.stderr) == (1, f"digitnet: {failed['error']}\n")
    (listed,) = objects(program("--json", "-c", "ls"))
    assert all(network["included"] for network in listed["networks"])


def test_a_script_can_go_on_after_a_failure(program: Program) -> None:
    lines = "nosuch\nset threads\n"
    for done in (program("--keep-going", "-", stdin=lines), program("--keep-going", "-c", lines)):
        assert done.returncode == 1
        assert "'nosuch' is not a command" in done.stderr
        assert "threads " in done.stdout
    assert program("-c", "nosuch", "-c", "set threads").stdout == ""


@pytest.mark.parametrize(
    ("script", "commands"),
    [
        ("# my first\nn diary   # a small one\n\nt 10; pas one\nls\n", ["n", "t", "pas", "ls"]),
        ("n\nt 3\ns\nt 4\n", ["n", "t", "s"]),
        ("", []),
        ("\n\n", []),
        ("# nothing\n", []),
    ],
)
def test_a_script_comes_from_a_file_or_a_pipe(
    program: Program, tmp_path: Path, script: str, commands: list[str]
) -> None:
    (tmp_path / "first.digitnet").write_text(script)
    for done in (program("--json", "first.digitnet"), program("--json", stdin=script)):
        assert [line["command"] for line in objects(done)] == commands
        assert (done.returncode, done.stderr) == (0, "")


REFUSED: dict[str, tuple[int, str, Sequence[str], str, str]] = {
    # exit code, what is said, arguments, standard input, a variable
    "an unknown flag": (2, "", ["--nonsense"], "", ""),
    "a seed that is no number": (2, "--seed: 'x' is not a whole", ["--seed", "x"], "", ""),
    "no threads": (2, "--threads: '0' is not", ["--threads", "0", "-c", "ls"], "", ""),
    "data that is no folder": (2, "--data", ["--data", "/nowhere/at/all", "-c", "ls"], "", ""),
    "saves that are a file": (2, "--saves", ["--saves", __file__, "-c", "ls"], "", ""),
    "both -c and a file": (2, "", ["-c", "ls", "script"], "", ""),
    "-c without commands": (2, "", ["-c"], "", ""),
    "a wrong seed in a variable": (
        2, "DIGITNET_SEED: 'abc' is not a whole number from 0", [], "ls", "DIGITNET_SEED=abc",
    ),
    "wrong data in a variable": (
        2, "DIGITNET_DATA: '/nowhere' is not a folder", [], "ls", "DIGITNET_DATA=/nowhere",
    ),
    "a script that is not there": (
        1, "cannot read no-script: No such file or directory", ["no-script"], "", "",
    ),
    "a script without an end": (
        1, "cannot read /dev/zero: it has a line of more than 100,000 c", ["/dev/zero"], "", "",
    ),
    "a line without an end": (1, "cannot read standard input: it has", [], "x" * 100_001, ""),
    "ten thousand characters": (1, "", [], "x" * 10_000, ""),
    "control characters": (1, "", [], "\x1b[2J\x1b]0;owned\x07\x00\x01", ""),
    "not UTF-8": (1, "", [], "\udcff\udcfe", ""),
    "right-to-left": (1, "", [], "\u202egnirts", ""),
    "punctuation": (1, "", [], "!@$%^&*()", ""),
    "an open quote": (1, "", [], 'pas "one', ""),
    "a question": (1, "--yes", [], "n; pas one; del one", ""),
    "saves that cannot be written": (
        1, "nothing was saved", [], "n; pas one", f"DIGITNET_SAVES={__file__}/saves",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_gets_one_clear_line(program: Program, name: str) -> None:
    code, said, arguments, stdin, variable = REFUSED[name]
    done = program(*arguments, stdin=stdin, env=dict([variable.split("=")]) if variable else {})
    assert done.returncode == code
    assert done.stderr.startswith("digitnet: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()
    assert len(done.stderr) < 300
    assert "Traceback" not in done.stderr
    assert not done.stdout or ";" in stdin  # which has commands before the one that is refused


def test_what_stands_before_a_line_without_an_end_is_done(program: Program) -> None:
    assert "ready" in program(stdin="ls\n" + "x" * 100_001).stdout


def test_more_threads_than_cores_are_told(environment: dict[str, str]) -> None:
    line = command(["--threads", "1000", "-c", "set threads"])
    done = subprocess.run(line, capture_output=True, text=True, env=environment, check=True)
    cores = os.cpu_count()
    assert done.stderr == (
        f"digitnet: --threads 1000: this machine has {cores} cores, so {cores} are used\n"
    )
    assert f"threads  {cores} " in done.stdout


def test_version_and_help(program: Program) -> None:
    assert program("--version").stdout == f"digitnet {__version__}\n"
    shown = program("--help").stdout
    assert "--saves DIR" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_shells_and_man_know_the_program(program: Program) -> None:
    for shell, line in {
        "bash": "complete -o default -W '-c --completion",
        "zsh": "compdef _gnu_generic digitnet",
        "fish": "complete -c digitnet -l saves -r -d 'where networks are saved'",
    }.items():
        done = program("--completion", shell)
        assert (done.returncode, done.stderr) == (0, "")
        assert line in done.stdout
    page = program("--man").stdout
    assert r"\fB\-\-saves DIR\fR" in page
    assert "\nTrain the network on mini\\-batches of random cases\n" in page
    assert program("--completion", "nonsense").returncode == 2


def test_flags_as_environment_variables(program: Program, tmp_path: Path) -> None:
    env = {"DIGITNET_JSON": "1", "DIGITNET_SAVES": str(tmp_path / "other"), "DIGITNET_YES": "1"}
    done = program("-c", "n; pas one; del one; i", env=env)
    assert objects(done)[-1]["seed"] == 1
    assert (tmp_path / "other" / ".trash").is_dir()


def test_saves_are_there_for_another_process(
    program: Program, tmp_path: Path, environment: dict[str, str]
) -> None:
    *_, checked, case, _ = objects(program("--json", "-c", "n diary; t 2e; ch all; c 0; pas one"))
    line = "l one; ch all; c 0; del one; ls"
    entry_point = subprocess.run(
        [Path(sys.executable).parent / "digitnet", "--json", "--yes", "-c", line],
        capture_output=True, text=True, cwd=tmp_path, env=environment, check=True,
    )  # fmt: skip
    assert objects(entry_point)[1:3] == [checked, case]
    assert entry_point.stdout.endswith("[]}\n")
    undone, listed = objects(program("--json", "--yes", "-c", "undo; ls"))
    assert undone["restored"] == listed["networks"][0]["name"] == "one"


@pytest.mark.parametrize(
    ("env", "is_ascii", "width"),
    [
        ({}, False, 80),
        ({"NO_COLOR": "1"}, False, 80),
        ({"TERM": "dumb"}, False, 80),
        ({"PYTHONIOENCODING": "ascii"}, True, 300),
        ({"DIGITNET_PLAIN": "1"}, True, 80),
        ({"COLUMNS": "0"}, False, 300),
        ({"COLUMNS": "1"}, False, 300),
        ({"COLUMNS": "20"}, False, 20),
        ({"COLUMNS": "40"}, False, 40),
        ({"COLUMNS": "300"}, False, 300),
    ],
    ids=str,
)
def test_a_pipe_gets_text_of_its_width(
    program: Program, env: dict[str, str], is_ascii: bool, width: int
) -> None:
    done = program("-c", ALL, env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert done.stdout.isascii() or not is_ascii
    assert max(map(len, done.stdout.splitlines())) <= width
    assert "784" in done.stdout or env == {"COLUMNS": "1"}


@pytest.mark.parametrize("script", ["n diary; t 500; t 1000e; ch all\n", "n\nls\n"])
def test_an_interrupted_script_ends_with_130(begin: Begin, script: str) -> None:
    """In a training, or while it waits for its input."""
    with begin("--json") as running:
        assert running.stdin and running.stdout and running.stderr
        running.stdin.write(script)
        running.stdin.flush()
        for _ in range(2):
            assert json.loads(running.stdout.readline())["ok"]
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in running.stdout]
        is_training = "t 1000e" in script
        assert [line["stopped"] for line in rest] == ["interrupted"] * is_training
        assert all(line["batches"] > 0 for line in rest)
        assert running.wait(timeout=5) == 130
        assert running.stderr.read().count("\n") == is_training  # it was autosaved


@pytest.mark.parametrize(
    ("shell", "code", "said"),
    [
        ("-c '?; ?; ?; ls' | true", 141, ""),
        ("<&-", 1, "cannot read standard input: "),
        ("--json -c ls >&-", 1, "standard output is closed"),
    ],
)
def test_a_pipe_that_closes_ends_the_program_silently_and_a_closed_stream_in_a_line(
    environment: dict[str, str], shell: str, code: int, said: str
) -> None:
    line = f"set -o pipefail; {' '.join(command([]))} {shell}"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == bool(said)


@pytest.mark.parametrize("flag", ["--version", "--help"])
def test_flags_and_the_prompt_import_next_to_nothing(flag: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command([flag])[1:]],
        capture_output=True,
        text=True,
        check=True,
    )
    lines = done.stderr.splitlines()
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines if "|" in line}
    assert "digitnet" in imported
    assert not imported & {"numpy", "scipy", "rich", "filelock", "pooch", "requests"}
