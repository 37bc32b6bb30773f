"""The program at a real pseudo-terminal, its screen read by pyte: what a person sees and keeps."""

import re

import pexpect
import pytest
from conftest import Start


def test_the_first_prompt_says_what_this_is_and_what_to_type(terminal: Start) -> None:
    t = terminal()
    t.wait_for(r"^digitnet> $|^digitnet>$")
    shown = t.text()
    assert "train a neural network to read handwritten digits" in shown
    assert "Type t to train one" in shown
    assert "? lists all commands" in shown


def test_ctrl_c_in_a_long_training_keeps_the_work(terminal: Start) -> None:
    t = terminal()
    t.wait_for("^digitnet>")
    t.type("n relu\r")
    t.wait_for(r"^relu>")
    t.type("t 1000e\r")
    t.read(2.0)
    assert re.search(r"cost \d", t.text()), t.text()
    t.type("\x03")
    assert t.wait_for(r"^relu\*>", 5) < 0.5
    assert "Interrupted: the training so far is kept." in t.text()
    assert not t.screen.cursor.hidden
    trained = int(re.search(r"Trained ([\d,]+) mini-batches", t.text())[1].replace(",", ""))  # type: ignore[index]
    assert trained > 0
    t.type("i\r")
    t.wait_for(rf"{trained:,} mini-batches")
    t.type("pas kept\r")
    t.wait_for("Saved as 'kept'")
    t.type("\x04")
    t.child.expect(pexpect.EOF)
    t.child.wait()
    assert t.child.exitstatus == 0
    assert t.echoes()


def test_twenty_columns_will_do(terminal: Start) -> None:
    t = terminal(20, 40)
    t.wait_for("^digitnet>")
    t.type("t 50\r")
    t.wait_for(r"^quick\*>")
    t.type("c 3\r")
    t.wait_for(r"answer 4:\s+(right|wrong)")
    t.type("pas x; ls\r")
    t.wait_for(r"^x \*")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"DIGITNET_PLAIN": "1"}])
def test_simple_terminals_will_do(terminal: Start, env: dict[str, str]) -> None:
    t = terminal(80, 40, **env)
    t.wait_for("digitnet>")
    t.type("t 50\r")
    t.wait_for(r"Trained 50 mini-batches")
    t.type("c 3\r")
    t.wait_for("answer 4: ")
    colours = {cell.fg for row in t.screen.buffer.values() for cell in row.values()}
    assert colours <= {"default"}
    t.type("pas x\r")
    t.wait_for("Saved as 'x'")
    t.type("s\r")
    t.child.expect(pexpect.EOF)
