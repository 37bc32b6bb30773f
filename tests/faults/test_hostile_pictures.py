"""Bad files given to `img`: one clear line each, within 5 seconds and 500 MB."""

import json
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from conftest import Tally
from hostile_helpers import CHILDS_ENVIRONMENT, is_one_line
from PIL import Image

from digitnet.digits.files import BadFile
from digitnet.digits.pictures import read_picture

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
Files = Iterator[tuple[str, bytes]]


def picture(kind: str, size: tuple[int, int] = (60, 60), **options: object) -> bytes:
    """A grey gradient with a cross on it."""
    pixels = np.add.outer(np.arange(size[1]), np.arange(size[0])).astype(np.uint8)
    pixels[size[1] // 2 :: size[1] + 1] = 0
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def cut_short() -> Files:
    for kind in FORMATS:
        whole = picture(kind)
        for part in range(1, 20):
            yield f"{kind}, {part} of 20", whole[: len(whole) * part // 25]


def other_types() -> Files:
    yield "nothing", b""
    yield "text", b"a 7\n" * 50
    yield "steers the terminal", b"\x1b]0;owned\x07\x1b[2J"
    yield "zeros", bytes(5000)
    yield "a pickle", b"cos\nsystem\n(S'touch ran'\ntR."
    yield "an executable", b"\x7fELF" + bytes(400)
    yield "a zip archive", b"PK\x03\x04" + bytes(400)
    yield "SVG", b"<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0L9 9'/></svg>"
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"
    yield "PDF", b"%PDF-1.4\n"
    for kind in ("PPM", "ICO", "TGA", "PCX", "JPEG2000", "DDS"):
        yield f"a picture, but {kind}", picture(kind)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, packed: bytes, bits: int = 1, colours: int = 0) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    chunks = chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def bombs() -> Files:
    for side in (5_001, 20_000, 60_000, 2**31 - 1):
        yield f"PNG that claims {side} x {side}", png(side, side, zlib.compress(bytes(100)))
    yield "PNG of zeros", png(25_000, 25_000, zlib.compress(bytes(25_000 * 3126), 9))
    text = zlib.compress(bytes(60 << 20), 9)
    small = picture("PNG")
    yield "PNG with much text", small[:33] + chunk(b"zTXt", b"a\0\0" + text) + small[33:80]
    whole = picture("JPEG", progressive=True)
    scan = whole.rindex(b"\xff\xda")
    yield "JPEG of 3,000 scans", whole[:scan] + whole[scan:-2] * 3000 + whole[-2:]
    frame = whole.index(b"\xff\xc2")
    huge = bytearray(whole)
    huge[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    yield "JPEG that claims 65,535 x 65,535", bytes(huge)
    for kind, place, code in (("GIF", 6, "<HH"), ("BMP", 18, "<II")):
        changed = bytearray(picture(kind))
        changed[place : place + struct.calcsize(code)] = struct.pack(code, 65_000, 65_000)
        yield f"{kind} that claims 65,000 x 65,000", bytes(changed)


def sizes() -> Files:
    for kind in FORMATS:
        for size in ((1, 1), (7, 7), (10_000, 1), (1, 10_000)):
            yield f"{kind} of {size}", picture(kind, size)
    for size in ((30_000, 1), (1, 30_000), (30_000, 9)):
        yield f"PNG of {size}", picture("PNG", size)


def blank() -> Files:
    for kind in FORMATS:
        for colour in (0, 100, 255):
            file = BytesIO()
            Image.new("L", (80, 80), colour).save(file, kind)
            yield f"{kind} of {colour}", file.getvalue()


def changed(count: int) -> Files:
    """Pictures with some bytes changed: these may be read after all."""
    rng = np.random.default_rng(2)
    for number in range(count):
        kind = FORMATS[number % len(FORMATS)]
        data = np.frombuffer(picture(kind), np.uint8).copy()
        places = rng.integers(0, min(len(data), 200 if number % 2 else len(data)), 1 + number % 9)
        data[places] = rng.integers(0, 256, len(places))
        yield f"{kind}, changed, {number}", data.tobytes()


def bad_pictures() -> dict[str, bytes]:
    """Those of which none is a digit."""
    return {n: d for kind in (cut_short, other_types, bombs, sizes, blank) for n, d in kind()}


pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux' limits")

SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from digitnet.digits.files import BadFile, read_bounded
from digitnet.digits.pictures import MAX_BYTES, read_picture
from digitnet.digits.page import page_in
from digitnet.digits.prepare import NoDigit
import scipy.ndimage, PIL.Image
PIL.Image.init()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400_000_000,) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    begun, said = time.process_time(), ""
    try:
        page_in(read_picture(read_bounded(path, MAX_BYTES)))
    except (BadFile, NoDigit) as error:
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


def test_bad_pictures_are_refused_in_one_line_and_changed_ones_are_read_or_refused(
    tmp_path: Path, share: Callable[[int, int], int], tally: Tally
) -> None:
    bad = dict(list(bad_pictures().items())[:: share(5, 1)])
    may_be_read = dict(changed(share(90, 400)))
    for number, data in enumerate((bad | may_be_read).values()):
        (tmp_path / f"{number:04}").write_bytes(data)
    wrong = [
        f"{name}: {said!r} in {cost} s"
        for name, (said, cost) in zip(bad | may_be_read, told(tmp_path).values(), strict=True)
        if cost >= 5 or not (is_one_line(said) or (not said and name in may_be_read))
    ]
    print(*wrong, sep="\n")
    tally("bad and changed files given to img", tried := len(bad | may_be_read), tried - len(wrong))


def test_the_libraries_say_nothing_themselves(capfd: pytest.CaptureFixture[str]) -> None:
    """libtiff writes "Using code not yet in table" on standard error."""
    data = bytearray(picture("TIFF", compression="tiff_lzw"))
    data[8:20] = b"\xff" * 12
    with pytest.raises(BadFile, match="damaged"):
        read_picture(bytes(data))
    print("heard", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "heard\n"
