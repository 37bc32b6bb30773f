"""The program without a terminal: flags, scripts, pipes, JSON, exit codes, broken streams."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Program, command

from digitnet import __version__


def test_commands_in_order(program: Program) -> None:
    done = program("-c", "n diary; t 1e", "-c", "ch all", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["command"] for line in lines] == ["n", "t", "ch"]
    assert all(line["ok"] for line in lines)
    assert (done.returncode, done.stderr) == (0, "")


JSON_FIELDS = {
    "t 5": "batches samples seconds samples_per_second cost train_accuracy validation_accuracy "
    "stopped",
    "c 0": "index set answer guess correct outputs cost",
    "ch 10": "correct total accuracy cost set seen_in_training",
    "pas one": "name file bytes",
    "p": "name file bytes",
    "l one": "name shape recipe parameters trained_batches",
    "ls": "networks studies",
    "ren one two": "name file was",
    "ren two one": "name file was",
    "del one": "deleted",
    "undo": "restored",
    "n": "name shape recipe parameters trained_batches",
}


def test_every_command_prints_one_object_on_one_line(program: Program) -> None:
    done = program("--json", "--yes", "-c", "; ".join(JSON_FIELDS))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(JSON_FIELDS)
    for line, (typed, fields) in zip(lines, JSON_FIELDS.items(), strict=True):
        assert line.pop("command") == typed.split()[0]
        assert line.pop("ok") is True
        assert set(line) == set(fields.split())
    networks = lines[list(JSON_FIELDS).index("ls")]["networks"]
    fields = "name shape parameters trained_batches accuracy saved_at bytes damaged"
    for listed in networks:
        assert set(listed) - {"included", "measured_on"} == set(fields.split(" "))


def test_a_failure_ends_a_script_with_one_line_and_exit_code_1(program: Program) -> None:
    done = program("--json", "-c", "n; nonsense; pas one")
    made, failed = (json.loads(line) for line in done.stdout.splitlines())
    assert made["ok"] is True
    assert failed == {"command": "nonsense", "ok": False, "error": failed["error"]}
    assert done.stderr == f"digitnet: {failed['error']}\n"
    assert done.returncode == 1
    networks = json.loads(program("--json", "-c", "ls").stdout)["networks"]
    assert all(network["included"] for network in networks)


def test_a_script_file_with_comments(program: Program, tmp_path: Path) -> None:
    script = tmp_path / "first.digitnet"
    script.write_text("# my first\nn diary   # a small one\n\nt 10; pas one\nls\n")
    done = program(str(script))
    assert done.returncode == 0
    assert "one *" in done.stdout


def test_commands_from_a_pipe(program: Program) -> None:
    done = program("--json", stdin="n\nt 3\ns\nt 4\n")
    assert [json.loads(x)["command"] for x in done.stdout.splitlines()] == ["n", "t", "s"]
    assert done.returncode == 0


@pytest.mark.parametrize("stdin", ["", "\n\n", "# nothing\n"])
def test_nothing_to_do_is_all_well(program: Program, stdin: str) -> None:
    done = program(stdin=stdin)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


GARBAGE = {
    "ten thousand characters": "x" * 10_000,
    "control characters": "\x1b[2J\x1b]0;owned\x07\x00\x01",
    "not UTF-8": "\udcff\udcfe",
    "right-to-left": "\u202egnirts",
    "punctuation": "!@$%^&*()",
    "an open quote": 'pas "one',
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_gets_one_clear_line(program: Program, name: str) -> None:
    done = program(stdin=GARBAGE[name] + "\n")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip("\n").isprintable()
    assert len(done.stderr) < 300
    assert "Traceback" not in done.stderr


WRONG_FLAGS = {
    "an unknown flag": ["--nonsense"],
    "a seed that is no number": ["--seed", "x", "-c", "ls"],
    "no threads": ["--threads", "0", "-c", "ls"],
    "data that is no folder": ["--data", "/nowhere/at/all", "-c", "ls"],
    "saves that are a file": ["--saves", __file__, "-c", "ls"],
    "both -c and a file": ["-c", "ls", "script"],
    "-c without commands": ["-c"],
}


@pytest.mark.parametrize("name", WRONG_FLAGS)
def test_wrong_flags_get_exit_code_2(program: Program, name: str) -> None:
    done = program(*WRONG_FLAGS[name])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DIGITNET_SEED", "abc", "DIGITNET_SEED: 'abc' is not a whole number from 0"),
        ("DIGITNET_DATA", "/nowhere", "DIGITNET_DATA: '/nowhere' is not a folder"),
    ],
)
def test_a_wrong_variable_is_named(program: Program, variable: str, value: str, said: str) -> None:
    done = program("-c", "ls", env={variable: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"digitnet: {said}")


def test_more_threads_than_cores_are_told(program: Program) -> None:
    done = program("--threads", "1000", "-c", "set threads")
    cores = os.cpu_count()
    assert done.stderr == (
        f"digitnet: --threads 1000: this machine has {cores} cores, so {cores} are used\n"
    )
    assert f"threads  {cores} " in done.stdout


def test_help_fits_80_columns(program: Program) -> None:
    assert max(map(len, program("--help").stdout.splitlines())) <= 80


def test_a_script_that_is_not_there(program: Program) -> None:
    done = program("no-such-script")
    assert done.returncode == 1
    assert done.stderr == "digitnet: cannot read no-such-script: No such file or directory\n"


def test_flags_as_environment_variables(program: Program, tmp_path: Path) -> None:
    env = {"DIGITNET_JSON": "1", "DIGITNET_SAVES": str(tmp_path / "other"), "DIGITNET_YES": "1"}
    done = program("-c", "n; pas one; del one; i", env=env)
    assert done.returncode == 0
    assert json.loads(done.stdout.splitlines()[-1])["seed"] == 1
    assert (tmp_path / "other" / ".trash").is_dir()
    assert program("-c", "ls", env={"DIGITNET_SEED": "x"}).returncode == 2


def test_version_and_help(program: Program) -> None:
    assert program("--version").stdout == f"digitnet {__version__}\n"
    assert "--saves DIR" in program("--help").stdout


def test_saves_are_found_again_by_another_process(program: Program) -> None:
    first = program("--json", "-c", "n diary; t 2e; ch all; c 0; pas one")
    again = program("--json", "-c", "l one; ch all; c 0")
    *_, checked, case, _ = first.stdout.splitlines()
    assert again.stdout.splitlines()[1:] == [checked, case]
    assert program("--json", "--yes", "-c", "del one; ls").stdout.splitlines()[-1].endswith("[]}")
    undone = program("--json", "-c", "undo; ls").stdout.splitlines()
    assert json.loads(undone[0])["restored"] == "one"
    assert json.loads(undone[1])["networks"][0]["name"] == "one"


def test_questions_without_a_terminal_are_refused(program: Program) -> None:
    done = program("-c", "n; pas one; del one")
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert "one" in program("-c", "ls").stdout


def test_a_closed_output_is_said_in_a_line(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        command(["-c", "?; ?; ?; ls"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.close()
        assert "the output was closed" in running.stderr.read()
    assert running.returncode == 1


def test_a_closed_input_is_said_in_a_line(environment: dict[str, str]) -> None:
    line = " ".join(command([])) + " <&-"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("digitnet: cannot read standard input: it is closed")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}]
)
def test_no_escape_codes_reach_a_pipe(program: Program, env: dict[str, str]) -> None:
    done = program("-c", "n; t 20; c 0; show 2; i; ls; ?", env=env)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    if "PYTHONIOENCODING" in env:
        assert done.stdout.isascii()


def test_plain_output_is_ascii(program: Program) -> None:
    done = program("--plain", "-c", "n; t 20; c 0; show 2; i; data; ls; ?; ? t")
    assert done.returncode == 0
    assert done.stdout.isascii()


@pytest.mark.parametrize("columns", ["1", "20", "40", "300"])
def test_every_width_will_do(program: Program, columns: str) -> None:
    done = program("-c", "n; t 20; c 0; show 2; i; pas one; ls; data; ?", env={"COLUMNS": columns})
    assert (done.returncode, done.stderr) == (0, "")
    if columns != "1":
        assert max(map(len, done.stdout.splitlines())) <= int(columns)


def test_an_interrupted_script_ends_with_130(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        command(["--json", "-c", "n diary; t 500; t 1000e; ch all"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as running:
        assert running.stdout
        assert json.loads(running.stdout.readline())["command"] == "n"
        assert json.loads(running.stdout.readline())["batches"] == 500
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        rest = [json.loads(line) for line in running.stdout]
    assert [line["stopped"] for line in rest] == ["interrupted"]
    assert rest[0]["batches"] > 0
    assert running.returncode == 130


def test_a_folder_that_cannot_be_written_in(program: Program, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    done = program("-c", "n; pas one", env={"DIGITNET_SAVES": str(blocked / "saves")})
    assert done.returncode == 1
    assert "nothing was saved" in done.stderr
    assert done.stderr.count("\n") == 1


def imported(*arguments: str) -> set[str]:
    """The top-level modules that the program imports for these arguments."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *command(arguments)[1:]],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"DIGITNET_SAVES": "/nowhere"},
    )
    lines = done.stderr.splitlines()
    return {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in lines if "|" in line}


def test_flags_alone_import_next_to_nothing() -> None:
    for flag in ("--version", "--help"):
        assert not imported(flag) & {"numpy", "scipy", "rich", "prompt_toolkit", "filelock"}
    for_json = imported("--json", "-c", "?")
    assert not for_json & {"numpy", "scipy", "rich", "prompt_toolkit", "pooch", "requests"}
    assert "prompt_toolkit" not in imported("-c", "n; t 1")


def test_full_mnist(program: Program) -> None:
    folder = os.environ.get("DIGITNET_DATA")
    if not folder:
        pytest.skip("full MNIST is needed: DIGITNET_DATA names the folder it is in")
    done = program("--json", "--data", folder, "-c", "data mnist; n relu; t 5e; ch all")
    checked = json.loads(done.stdout.splitlines()[-1])
    assert checked["set"] == "mnist test"
    assert checked["accuracy"] >= 0.9787


def test_a_script_that_waits_for_its_input_can_be_interrupted(environment: dict[str, str]) -> None:
    with subprocess.Popen(
        command(["--json"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
    ) as running:
        assert running.stdin
        assert running.stdout
        running.stdin.write("n\n")
        running.stdin.flush()
        assert json.loads(running.stdout.readline())["command"] == "n"
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=5) == 130
        assert running.stderr
        assert running.stderr.read() == ""


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there is no /dev/zero here")
def test_a_script_without_an_end_is_refused(program: Program) -> None:
    done = program("/dev/zero")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "digitnet: cannot read /dev/zero: it has a line of more than 100,000 characters\n"
    )
    piped = program(stdin="ls\n" + "x" * 100_001)
    assert "cannot read standard input" in piped.stderr
    assert "ready" in piped.stdout  # what stands before it was done


def test_a_width_of_nothing_is_none(program: Program) -> None:
    assert "784" in program("-c", "ls", env={"COLUMNS": "0"}).stdout
