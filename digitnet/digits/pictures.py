"""Finds and reads untrusted pictures: PNG, JPEG, GIF, BMP, WebP and TIFF."""

import glob
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageGrab, UnidentifiedImageError

from digitnet.digits.files import BadFile, read_bounded
from digitnet.engine.arrays import Array

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF")
# how files of formats that are not read begin
OTHERS = {
    "HEIC": re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL),
    "AVIF": re.compile(rb".{4}ftypavi[fs]", re.DOTALL),
    "PDF": re.compile(rb"%PDF"),
    "SVG": re.compile(rb"\s*(<\?xml[^>]*>\s*)?(<!(--|DOCTYPE)[^>]*>\s*)*<svg"),
}
# of pictures in folders; those that are not read are refused by name
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff",
            ".jfif", ".jpe", ".heic", ".heif", ".avif")  # fmt: skip
MAX_BYTES = 64 << 20
MAX_PIXELS = 25_000_000
# higher, because JPEGs from cameras are decoded at half to an eighth of their size
MAX_JPEG_PIXELS = 60_000_000
MAX_SCANS = 64  # maximum number of scans in a JPEG; encoders write about ten
# maximum size of a run-length encoded BMP, which pillow decodes slowly
MAX_RUN_LENGTH_BYTES = 2 << 20
MIN_SIDE, MAX_ASPECT = 8, 40
MAX_SIDE = 1024  # maximum pixels of the longer side after reduction


def read_picture(data: bytes) -> Array:
    """The picture in a file, (rows, columns, 3 for colours or 1 for greys), 0 to 255.

    It is rotated according to its EXIF data, transparent parts are filled with a paper colour, and
    its longer side is at most MAX_SIDE pixels.

    Raises BadFile if the data is not a complete picture in one of FORMATS.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                _check(image, data)
                with _silent_libraries():
                    return _pixels(image)
    except BadFile:
        raise
    except UnidentifiedImageError:
        formats = ", ".join(FORMATS).replace("WEBP", "WebP")
        kind = next((k for k, begins in OTHERS.items() if begins.match(data[:1000])), None)
        raise BadFile(
            f"is {kind}; save it as JPEG or PNG: digitnet reads {formats}"
            if kind
            else f"is not a picture that digitnet reads ({formats})"
        ) from None
    except Image.DecompressionBombError:
        most = MAX_PIXELS // 10**6
        raise BadFile(f"has far too many pixels: at most {most} million are read") from None
    except MemoryError:
        raise BadFile("needs more memory than is available") from None
    except Exception:  # pillow's plugins raise about twenty types of errors for bad files
        raise BadFile("is damaged or cut short") from None


@contextmanager
def _silent_libraries() -> Iterator[None]:
    """libtiff writes on standard error what it thinks of a file."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _check(image: Image.Image, data: bytes) -> None:
    size = f"{image.width:,} x {image.height:,} pixels"
    is_jpeg = image.format in ("JPEG", "MPO")  # MPO: several JPEGs, of which the first is read
    most = MAX_JPEG_PIXELS if is_jpeg else MAX_PIXELS
    if image.width * image.height > most:
        raise BadFile(f"has {size}; at most {most // 10**6} million are read")
    if min(image.size) < MIN_SIDE or max(image.size) > MAX_ASPECT * min(image.size):
        raise BadFile(f"has {size}: too small or too narrow for a digit")
    if not is_jpeg and getattr(image, "is_animated", False):
        raise BadFile("has several pictures: save the one to read as a file of its own")
    if is_jpeg and _scans(data) > MAX_SCANS:
        raise BadFile("has more scans than any camera writes")
    if image.format == "BMP" and image.info.get("compression") and len(data) > MAX_RUN_LENGTH_BYTES:
        raise BadFile("is a large BMP in run-length encoding; save it as PNG")


_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")  # a marker of a JPEG that begins a segment


def _scans(data: bytes) -> int:
    """The number of scans of the first picture of a JPEG, without what phones put after it."""
    at, scans = 2, 0
    while scans <= MAX_SCANS and (marker := _MARKER.search(data, at)) and marker[0] != b"\xff\xd9":
        scans += marker[0] == b"\xff\xda"
        at = marker.end() + int.from_bytes(data[marker.end() : marker.end() + 2])
    return scans


def _pixels(image: Image.Image) -> Array:
    image.draft("RGB", (MAX_SIDE, MAX_SIDE))  # decodes JPEG at half to an eighth of its size
    image.load()
    turned = _TURNS.get(image.getexif().get(0x0112, 1))
    mode = _MODES.get(image.mode.partition(";")[0], "RGB")
    if "transparency" in image.info:
        mode = "RGBA"
    small = image if mode == image.mode else image.convert(mode)
    if (blocks := -(-max(image.size) // MAX_SIDE)) > 1:
        small = small.reduce(blocks)
    if turned is not None:
        small = small.transpose(Image.Transpose(turned))
    pixels = np.asarray(small, np.float32)
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if small.mode in ("I", "F"):
        return _as_bytes(pixels)
    return _on_paper(pixels) if small.mode == "RGBA" else pixels


# EXIF orientation → the pillow transposition that undoes it
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
# pillow's modes → those that are read; all others as RGB
_MODES = {"1": "L", "L": "L", "LA": "RGBA", "La": "RGBA", "PA": "RGBA", "RGBa": "RGBA",
          "RGBA": "RGBA", "I": "I", "F": "F"}  # fmt: skip


def _as_bytes(pixels: Array) -> Array:
    """Scales numbers of any range to 0 to 255. Raises BadFile if they are not finite."""
    low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite([low, high]).all():
        raise BadFile("has pixels that are not finite numbers")
    if low >= 0 and high <= 255:
        return pixels if high > 1 else 255 * pixels
    scaled: Array = (pixels - low) * (255 / max(high - low, 1e-6))
    return scaled


def _on_paper(pixels: Array) -> Array:
    """Fills the transparent parts of a picture: if most of it is opaque, with its median colour;
    otherwise with white, or with black for light ink.
    """
    colours, opacity = pixels[..., :3], pixels[..., 3:] / 255
    if opacity.min() == 1:
        return colours
    solid = colours[opacity[..., 0] > 0.5]
    paper = np.full(3, 255, np.float32)
    if len(solid) > 0.5 * opacity.size:
        paper = np.median(solid, axis=0)
    elif len(solid) and solid.mean() > 127:
        paper[:] = 0
    filled: Array = colours * opacity + paper * (1 - opacity)
    return filled


MOST_FILES = 100_000


def _from_standard_input() -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise BadFile("standard input is a terminal: digitnet -c 'l hand; img -' < FILE")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not data:
        raise BadFile("is empty: give the commands with -c, and the picture with < FILE")
    if len(data) > MAX_BYTES:
        raise BadFile(f"is larger than {MAX_BYTES >> 20} MiB")
    return data


def _from_clipboard() -> bytes:
    """The picture, or that in the first file, that was copied."""
    try:
        copied = ImageGrab.grabclipboard()
    except Exception as error:  # of the program that is asked, too
        reason = str(error).partition(" for ImageGrab")[0]
        raise BadFile(f"cannot be read: {reason}") from None
    if isinstance(copied, list) and copied:
        return read_bounded(Path(copied[0]), MAX_BYTES)
    if not isinstance(copied, Image.Image):
        raise BadFile("holds no picture")
    file = BytesIO()
    copied.save(file, "PNG")
    return file.getvalue()


ELSEWHERE = {"-": _from_standard_input, "clipboard": _from_clipboard}
"""Words that stand for a picture that is in no file, unless there is a file of that name."""


@dataclass(frozen=True)
class Found:
    """A picture. answer: the digit that its folder is named after, if any."""

    path: Path
    answer: int | None = None

    def read(self) -> bytes:
        """Raises BadFile, and OSError if it cannot be read."""
        elsewhere = None if os.path.lexists(self.path) else ELSEWHERE.get(str(self.path))
        return elsewhere() if elsewhere else read_bounded(self.path, MAX_BYTES)


def pictures_at(path: Path) -> list[Found]:
    """The file itself, the pictures in a folder, the matches of a pattern such as `*.png`, or what
    a word in ELSEWHERE stands for.

    If a folder has subfolders named 0 to 9, their names are the answers of what is in them. Raises
    OSError.
    """
    if os.path.lexists(path):
        return _under(path) if path.is_dir() else [Found(path)]
    if str(path) in ELSEWHERE:
        return [Found(path)]
    matches = sorted(glob.iglob(str(path)))[:MOST_FILES]  # noqa: PTH207 - may be absolute
    return [found for match in matches for found in pictures_at(Path(match))]


def _under(folder: Path) -> list[Found]:
    """The pictures in a folder by name, and in its subfolders named after digits."""
    places = [(None, folder), *((digit, folder / str(digit)) for digit in range(10))]
    return [
        Found(inner / name, answer)
        for answer, inner in places
        if inner.is_dir()
        for name in sorted(e.name for e in os.scandir(inner) if e.name[0] != ".")[:MOST_FILES]
        if name.lower().endswith(SUFFIXES)
    ]
