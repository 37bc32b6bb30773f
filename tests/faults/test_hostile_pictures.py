"""Bad files given to `img`: one clear line each, within 5 seconds and 500 MB."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Tally
from hostile_helpers import CHILDS_ENVIRONMENT, is_one_line
from hostile_pictures_helpers import bad_pictures, changed

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")

SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from digitnet.digits.files import BadFile, read_bounded
from digitnet.digits.pictures import MAX_BYTES, BadPicture
from digitnet.digits.pieces import read_digits
from digitnet.digits.prepare import NoDigit
import scipy.ndimage, PIL.Image
PIL.Image.init()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    begun, said = time.process_time(), ""
    try:
        read_digits(read_bounded(path, MAX_BYTES))
    except (BadFile, BadPicture, NoDigit) as error:
        said = str(error)
    print(json.dumps([path.name, said, time.process_time() - begun]), flush=True)
"""


def told(folder: Path) -> dict[str, tuple[str, float]]:
    """What is said of each file in a folder, and the seconds it took."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder)],
        env=CHILDS_ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return {name: (said, cost) for name, said, cost in map(json.loads, done.stdout.splitlines())}


def test_bad_pictures_are_refused_in_one_line(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    files = dict(list(bad_pictures().items())[:: share(3, 1)])
    for number, data in enumerate(files.values()):
        (tmp_path / f"{number:04}").write_bytes(data)
    survived = 0
    for name, (said, cost) in zip(files, told(tmp_path).values(), strict=True):
        right = is_one_line(said) and cost < 5
        survived += right
        if not right:
            print(name, repr(said), cost)
    tally("bad files given to img", len(files), survived)


def test_changed_pictures_are_read_or_refused(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    files = dict(changed(share(90, 400)))
    for number, data in enumerate(files.values()):
        (tmp_path / f"{number:04}").write_bytes(data)
    answers = told(tmp_path)
    survived = sum(cost < 5 and (not said or is_one_line(said)) for said, cost in answers.values())
    tally("pictures with bytes changed", len(files), survived)
