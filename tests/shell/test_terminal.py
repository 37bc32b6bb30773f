"""The program at a real pseudo-terminal, its screen read by pyte: what a person sees and keeps."""

import re
import termios
import time
from collections.abc import Iterator

import pexpect
import pyte
import pytest
from conftest import command


class Terminal:
    """A terminal of so many columns and rows with the program running in it."""

    def __init__(self, env: dict[str, str], columns: int, rows: int, *arguments: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        program, *rest = command(arguments)
        self.child = pexpect.spawn(
            program, rest, env=env, dimensions=(rows, columns), encoding="utf-8", timeout=15
        )

    def type(self, keys: str) -> None:
        self.child.send(keys)

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display)

    def read(self, seconds: float) -> None:
        """Takes in what the program writes within this time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                written = self.child.read_nonblocking(65536, timeout=min(left, 0.05))
                self._stream.feed(written)
                if "\x1b[6n" in written:  # asked where the cursor is, a terminal answers
                    cursor = self.screen.cursor
                    self.child.send(f"\x1b[{cursor.y + 1};{cursor.x + 1}R")
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return

    def wait_for(self, pattern: str, seconds: float = 15) -> float:
        """Reads until the screen shows the pattern; returns how long that took."""
        begun = time.monotonic()
        while not re.search(pattern, self.text(), re.MULTILINE):
            assert time.monotonic() - begun < seconds, f"no {pattern!r} on\n{self.text()}"
            self.read(0.02)
        return time.monotonic() - begun

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.child.child_fd)[3] & termios.ECHO)


@pytest.fixture
def terminal(environment: dict[str, str]) -> Iterator[object]:
    opened: list[Terminal] = []

    def start(columns: int = 80, rows: int = 24, *arguments: str, **env: str) -> Terminal:
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        settings["DIGITNET_THREADS"] = "1"  # what is timed here is the prompt, not the products
        opened.append(Terminal(environment | settings | env, columns, rows, *arguments))
        return opened[-1]

    yield start
    for each in opened:
        each.child.close(force=True)


def test_the_first_prompt_says_what_this_is_and_what_to_type(terminal) -> None:  # type: ignore[no-untyped-def]
    t = terminal()
    t.wait_for(r"^digitnet> $|^digitnet>$")
    shown = t.text()
    assert "train a neural network to read handwritten digits" in shown
    assert "Type t to train one" in shown
    assert "? lists all commands" in shown


def test_ctrl_c_in_a_long_training_keeps_the_work(terminal) -> None:  # type: ignore[no-untyped-def]
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


def test_twenty_columns_will_do(terminal) -> None:  # type: ignore[no-untyped-def]
    t = terminal(20, 40)
    t.wait_for("^digitnet>")
    t.type("t 50\r")
    t.wait_for(r"^quick\*>")
    t.type("c 3\r")
    t.wait_for(r"answer 4:\s+(right|wrong)")
    t.type("pas x; ls\r")
    t.wait_for(r"^x \*")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"DIGITNET_PLAIN": "1"}])
def test_simple_terminals_will_do(terminal, env: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
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
