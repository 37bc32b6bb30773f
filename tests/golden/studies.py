"""Makes the section of docs/studies.md that answers a notebook's questions.

    python tests/golden/studies.py

trains some 250 networks, which takes about two minutes, and writes the section anew.
"""

import re
import tempfile
from io import StringIO
from pathlib import Path

from digitnet.repl.loop import do_line
from digitnet.repl.pictures import Screen
from digitnet.repl.session import Session
from digitnet.repl.terminal.output import ScreenOutput

ROOT = Path(__file__).parent.parent.parent
SECTION = re.compile(r"(?<=<!-- studies -->\n).*(?=<!-- end of studies -->)", re.DOTALL)


STUDIES = (
    (
        "How much do fresh networks differ, before any training?",
        "study epochs 0 --repeat 20 --name fresh",
    ),
    (
        "What do more nodes change?",
        "study shape 121-10-10 121-30-10 121-100-10 121-300-10 --repeat 5 --for 20e --name nodes",
    ),
    ("What do more epochs change?", "study epochs 1 5 20 60 --repeat 5 --name longer"),
    (
        "What do more cases change?",
        "study cases 250 500 1000 2000 3500 --repeat 5 --for 20e --name more",
    ),
    (
        "What does another rate change?",
        "study rate 0.0005 0.002 0.005 0.02 0.05 --repeat 5 --for 20e --name rates",
    ),
    (
        "When does the cost stop falling?",
        "study epochs 2 5 10 20 50 100 200 schedule constant --repeat 3 --name falling",
    ),
    (
        "Which structure and regularization are best?",
        "study shape 121-100-10 121-50-50-10 l2 0 0.03 0.3 dropout 0 0.4 --repeat 3 --for 30e "
        "--name best",
    ),
)
"""Questions of the notebook's, each with the line that answers it."""


def section(saves: Path) -> str:
    """The answers, as a screen of 80 columns shows them."""
    session = Session(saves, [ROOT / "data"], saves, seed=1)
    shown = StringIO()
    output = ScreenOutput(Screen(shown, width=80))
    do_line("n notebook-better", session, output)
    parts = []
    for question, line in STUDIES:
        do_line(line, session, output)
        shown.seek(0)
        shown.truncate()
        do_line(f"study {line.rpartition(' ')[2]}", session, output)
        text = "\n".join(row.rstrip() for row in shown.getvalue().splitlines()[:-1])
        summary = f"<summary>{question} <code>{line}</code></summary>"
        parts.append(f"<details>\n{summary}\n\n```text\n{text}\n```\n\n</details>\n")
    return "\n" + "\n".join(parts) + "\n"


def main() -> None:
    page = ROOT / "docs" / "studies.md"
    with tempfile.TemporaryDirectory() as folder:
        found = section(Path(folder))
    text = page.read_text(encoding="utf-8")
    page.write_text(SECTION.sub(lambda _: found, text), encoding="utf-8")


if __name__ == "__main__":
    main()
