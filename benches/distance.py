"""How far a command is from what it does: the code that runs from the line typed to its result.

    python benches/distance.py [--files] ["LINE" ...]

Each line is given to the program twice, in one session; the second time every function that runs
is noted. `files`: files of digitnet with a function that ran. `lines`: of these files.
`functions`: functions that ran. `their lines`: lines of these functions.
"""

import argparse
import io
import os
import sys
import tempfile
import threading
from contextlib import redirect_stdout
from pathlib import Path
from unittest.mock import patch

from PIL import Image

import digitnet
from digitnet.cli import main as digitnet_main

PACKAGE = str(Path(digitnet.__file__).parent)
PREPARATION = ["n diary", "t 20"]
LINES = ["t 1", "p x", "img digit.png", "why 5"]


class Typist(io.TextIOBase):
    """Standard input that notes the functions run between the reading of two lines."""

    def __init__(self, lines):
        self.preparation = [*PREPARATION, *lines]
        self.lines, self.number = lines, 0
        self.ran = {line: set() for line in lines}

    def readline(self, size=-1):
        sys.setprofile(None)
        threading.setprofile(None)
        if self.preparation:
            return self.preparation.pop(0) + "\n"
        if self.number == len(self.lines):
            return ""
        line, self.number = self.lines[self.number], self.number + 1
        note = self.ran[line].add

        def profile(frame, event, argument):
            if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
                note(frame.f_code)

        threading.setprofile(profile)
        sys.setprofile(profile)
        return line + "\n"


def lines_of(code):
    """The numbers of the lines of a function, with those of the functions inside it."""
    inside = [lines_of(c) for c in code.co_consts if hasattr(c, "co_lines")]
    own = {number for _, _, number in code.co_lines() if number}
    return set(range(min(own), max(own) + 1)).union(*inside)


def distance(codes):
    """Files, their lines, functions, their lines."""
    files = {code.co_filename for code in codes}
    length = sum(len(Path(file).read_text("utf-8").splitlines()) for file in files)
    lines = {(code.co_filename, number) for code in codes for number in lines_of(code)}
    return len(files), length, len(codes), len(lines)


def main():
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", action="store_true", help="prints the files, too")
    parser.add_argument("lines", nargs="*", default=LINES)
    options = parser.parse_args()
    typist, shown = Typist(options.lines), io.StringIO()
    with tempfile.TemporaryDirectory() as folder, patch("sys.stdin", typist):
        os.environ |= {"DIGITNET_SAVES": f"{folder}/saves", "HOME": folder}
        os.chdir(folder)
        digit = Image.new("L", (60, 60), 255)
        digit.paste(0, (26, 10, 32, 50))
        digit.save("digit.png")
        with redirect_stdout(shown):
            code = digitnet_main(["--seed", "1", "--yes"])
    if code:
        sys.exit(f"a line failed; before it:\n{shown.getvalue()}")
    print(f"{'line':14} {'files':>6} {'lines':>6} {'functions':>10} {'their lines':>12}")
    for line, codes in typist.ran.items():
        files, length, functions, lines = distance(codes)
        print(f"{line:14} {files:6} {length:6,} {functions:10} {lines:12,}")
        if options.files:
            for file in sorted({code.co_filename for code in codes}):
                print(f"    {Path(file).relative_to(PACKAGE)}")


if __name__ == "__main__":
    main()
