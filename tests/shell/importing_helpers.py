"""Files of the sample's digits as other programs write them: name → a function that makes one."""

import gzip
import io
from collections.abc import Callable, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from conftest import ROOT
from digits_helpers import idx
from handwriting_helpers import as_file
from scipy import ndimage

from digitnet.digits.datasets import SOURCES
from digitnet.digits.recognize import DIGITS
from digitnet.engine.arrays import answers_of

COUNT = 200
TEST = SOURCES["sample"].read([ROOT / "data"]).test
PICTURES = TEST.inputs[:COUNT].reshape(-1, 28, 28)
ANSWERS = answers_of(TEST.targets[:COUNT]).astype(np.uint8)
FLAT = PICTURES.reshape(COUNT, -1)
UNIT = PICTURES / 255
ONE_HOT = np.eye(10)[ANSWERS]

Make = Callable[[Path], Path]  # makes files in a folder; returns what to import


def npz(name: str = "some.npz", **arrays: Any) -> Make:
    def make(folder: Path) -> Path:
        np.savez_compressed(folder / name, **arrays)
        return folder / name

    return make


def positional(*arrays: Any) -> Make:
    return npz(**{f"arr_{number}": array for number, array in enumerate(arrays)})


def files(inside: str, contents: Mapping[str, bytes], chosen: str = "") -> Make:
    """Writes files in a folder inside; the folder above or the `chosen` file is imported."""

    def make(folder: Path) -> Path:
        for name, content in contents.items():
            path = folder / inside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder / chosen if chosen else folder

    return make


def pairs(stem: str = "{}-images-idx3-ubyte", **parts: slice) -> dict[str, bytes]:
    """IDX files of these cases, part → rows."""
    made = {}
    for part, rows in parts.items():
        name = stem.format(part)
        made[name] = idx(PICTURES[rows])
        made[name.replace("images", "labels").replace("idx3", "idx1")] = idx(ANSWERS[rows])
    return made


def packed(contents: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}


def npy(**arrays: Any) -> Make:
    contents = {}
    for name, array in arrays.items():
        file = io.BytesIO()
        np.save(file, array)
        contents[f"{name}.npy"] = file.getvalue()
    return files("", contents)


def text(numbers: Any, header: str = "", *, delimiter: str = ",", form: str = "%d") -> bytes:
    """Numbers as a table in text."""
    made = io.BytesIO(header.encode() + b"\n" * bool(header))
    made.seek(0, io.SEEK_END)
    np.savetxt(made, numbers, form, delimiter)
    return made.getvalue()


def csv(numbers: Any, header: str = "", name: str = "some.csv", **how: str) -> Make:
    content = text(numbers, header, **how)
    return files("", {name: gzip.compress(content) if name.endswith(".gz") else content}, name)


LABEL_FIRST = np.column_stack([ANSWERS, FLAT])
LABEL_LAST = np.column_stack([FLAT, ANSWERS])


def named_rows(numbers: Any, header: str = "") -> Make:
    """A table that says the name of a file in each row first."""
    lines = text(numbers).decode().splitlines()
    rows = [f"img_{k}.png,{line}" for k, line in enumerate(lines)]
    return files("", {"some.csv": "\n".join([header] * bool(header) + rows).encode()}, "some.csv")


def counted(end: int, start: int = 0) -> str:
    return ",".join(map(str, range(start, end)))


HEADER = ",".join(["label", *(f"pixel{n}" for n in range(784))])


def pngs(*parts: str, change: Callable[[Any], Any] = lambda picture: picture) -> Make:
    """Pictures in folders 0 to 9, the cases divided among these folders."""
    size = COUNT // len(parts)
    contents = {
        f"{part}/{ANSWERS[row]}/{row}.png": as_file(change(PICTURES[row]))
        for number, part in enumerate(parts)
        for row in range(number * size, (number + 1) * size)
    }
    return files("", contents)


def resampled(side: int, order: int) -> Any:
    """The pictures at another size; cubic ones exceed 0 to 1."""
    return ndimage.zoom(
        UNIT, (1, side / 28, side / 28), order=order, grid_mode=True, mode="nearest"
    )


EIGHT = np.round(16 * np.clip(resampled(8, 1), 0, 1))
"""As scikit-learn's load_digits: 8 x 8, 0 to 16."""

SWITCHES = np.array([[*row, sum(row) >= 2] for row in product((0, 1), repeat=3)], int)
XOR = "a,b,xor\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n"
IRIS = "5.1,3.5,1.4,0.2,setosa\n7.0,3.2,4.7,1.4,versicolor\n6.3,3.3,6.0,2.5,virginica\n" * 30

SAME: dict[str, tuple[Make, str]] = {
    # scales
    "bytes": (npz(images=PICTURES, labels=ANSWERS), "pixels 0 to 255, light on dark"),
    "0 to 1": (npz(x=UNIT, y=ANSWERS), "pixels 0 to 1, light on dark"),
    "a little over 1": (npz(x=UNIT * 1.0000000000000002, y=ANSWERS), "pixels 0 to 1"),
    "float32": (npz(x=UNIT.astype(np.float32), y=ANSWERS.astype(float)), "pixels 0 to 1"),
    "float16": (npz(x=UNIT.astype(np.float16), y=ANSWERS), "pixels 0 to 1"),
    "0 to 255 as floats": (npz(x=PICTURES.astype(float), y=ANSWERS), "pixels 0 to 255"),
    "-1 to 1": (npz(x=2 * UNIT - 1, y=ANSWERS), "pixels -1 to 1"),
    "-0.5 to 0.5": (npz(x=UNIT - 0.5, y=ANSWERS), "pixels -0.5 to 0.5"),
    "16 bits": (npz(x=PICTURES * np.uint16(257), y=ANSWERS), "pixels 0 to 65535"),
    "per cent": (npz(x=100 * UNIT, y=ANSWERS), "pixels 0 to 100"),
    "standardised": (npz(x=(UNIT - 0.1307) / 0.3081, y=ANSWERS), "pixels -0.424 to 2.82"),
    "mean subtracted": (npz(x=UNIT - UNIT.mean(), y=ANSWERS), "light on dark"),
    # polarity
    "dark on light": (npz(images=255 - PICTURES, labels=ANSWERS), "dark on light, inverted"),
    "dark on light, 0 to 1": (npz(x=1 - UNIT, y=ANSWERS), "pixels 0 to 1, dark on light"),
    "dark on light, -1 to 1": (npz(x=1 - 2 * UNIT, y=ANSWERS), "-1 to 1, dark on light"),
    "dark on light, standardised": (npz(x=-(UNIT - 0.13) / 0.3, y=ANSWERS), "dark on light"),
    "some of them": (
        npz(images=np.concatenate([PICTURES[:60], 255 - PICTURES[60:]]), labels=ANSWERS),
        "140 of 200 dark on light, inverted"),
    # layouts
    "flat": (npz(x=FLAT, y=ANSWERS), "0 to 255"),
    "channels first": (npz(x=UNIT[:, None], y=ANSWERS), "0 to 1"),
    "channels last": (npz(x=UNIT[..., None], y=ANSWERS), "0 to 1"),
    "columns of pixels": (npz(x=FLAT[..., None], y=ANSWERS), "0 to 255"),
    "rows of pixels": (npz(x=FLAT[:, None], y=ANSWERS), "0 to 255"),
    "three colours": (npz(x=np.repeat(PICTURES[..., None], 3, 3), y=ANSWERS), "made grey"),
    "cases last": (npz(x=PICTURES.transpose(1, 2, 0), y=ANSWERS), "from the last axis"),
    "as SVHN": (npz(X=PICTURES.transpose(1, 2, 0)[:, :, None], y=ANSWERS[:, None]), "last axis"),
    "Fortran order": (npz(x=np.asfortranarray(UNIT), y=ANSWERS), "0 to 1"),
    "big-endian": (npz(x=UNIT.astype(">f4"), y=ANSWERS.astype(">i4")), "0 to 1"),
    "64 bits": (npz(x=FLAT.astype(np.int64), y=ANSWERS.astype(np.int64)), "0 to 255"),
    "no names": (positional(PICTURES, ANSWERS), "0 to 255"),
    "Keras' names": (npz(train_images=PICTURES, train_labels=ANSWERS), "0 to 255"),
    "names in one word": (npz(xTrain=PICTURES, yTrain=ANSWERS), "0 to 255"),
    "as a bunch": (npz(data=FLAT, target=ANSWERS, target_names=np.arange(10)), "0 to 255"),
    ".npy files": (npy(x_train=PICTURES, y_train=ANSWERS), "0 to 255"),
    # answers
    "one-hot": (npz(x=UNIT, y=ONE_HOT), "answers were one-hot"),
    "one-hot in whole numbers": (npz(x=UNIT, y=ONE_HOT.astype(np.uint8)), "one-hot"),
    "nearly one-hot": (npz(x=UNIT, y=0.98 * ONE_HOT + 0.01), "answers were one-hot"),
    "answers in a row": (npz(x=UNIT, y=ANSWERS[None]), "0 to 1"),
    "answers in columns": (npz(x=UNIT, y=ONE_HOT.T), "answers were one-hot"),
    "answers in a column": (npz(x=UNIT, y=ANSWERS[:, None]), "0 to 1"),
    "answers in English": (npz(x=UNIT, y=np.array(DIGITS)[ANSWERS]), "0 to 1"),
    "answers as text": (npz(x=UNIT, y=ANSWERS.astype(str)), "0 to 1"),
    # orientation
    "sideways": (npz(x=PICTURES.transpose(0, 2, 1), y=ANSWERS), "turned upright"),
    "EMNIST": (
        files("", {name.replace("some", "emnist-mnist"): (
            idx(PICTURES.transpose(0, 2, 1)) if "images" in name else content)
            for name, content in pairs(some=slice(None)).items()}), "turned upright"),
    "EMNIST in a folder": (
        files("gzip", {f"emnist-balanced-train-{kind}-ubyte": idx(array) for kind, array in (
            ("images-idx3", PICTURES.transpose(0, 2, 1)), ("labels-idx1", ANSWERS + 30))}),
        "turned upright"),
    "EMNIST that is upright": (npz("emnist.npz", x=PICTURES, y=ANSWERS), "order shuffled"),
    # names and places of IDX files
    "IDX": (files("", pairs(some=slice(None))), "0 to 255"),
    "IDX, the images": (
        files("", pairs(some=slice(None)), "some-images-idx3-ubyte"), "0 to 255"),
    "IDX, gzipped": (files("", packed(pairs(train=slice(None)))), "0 to 255"),
    "IDX, with dots": (files("", pairs("{}-images.idx3-ubyte", train=slice(None))), "0 to 255"),
    "IDX in MNIST/raw": (files("MNIST/raw", pairs(train=slice(None))), "0 to 255"),
    "IDX in folders": (
        files("", {f"{name}/{name}": content for name, content in pairs(t=slice(None)).items()}),
        "0 to 255"),
    "IDX in folders, with dots": (
        files("", {f"{name}/{name.replace('-idx', '.idx')}": content
                   for name, content in pairs(train=slice(None)).items()}), "0 to 255"),
    "IDX, gzip undone halfway": (
        files("", pairs(train=slice(None)) | packed(pairs(train=slice(None)))), "0 to 255"),
    "IDX of other names": (
        files("", {"my-images.idx": idx(PICTURES), "my-labels.idx": idx(ANSWERS)}), "0 to 255"),
    "IDX named by their dimensions": (
        files("", {"a.idx3": idx(PICTURES), "a.idx1": idx(ANSWERS)}, "a.idx3"), "0 to 255"),
    "IDX called x and y": (
        files("", packed({"train_x.idx": idx(PICTURES), "train_y.idx": idx(ANSWERS)})), "0 to 255"),
    # tables
    "Kaggle's train.csv": (csv(LABEL_FIRST, HEADER, "train.csv"), "from column 'label'"),
    "no header": (csv(LABEL_FIRST), "answers from the first column"),
    "answers last": (csv(LABEL_LAST), "answers from the last column"),
    "answers last, named": (
        csv(LABEL_LAST, ",".join([*(f"{r}x{c}" for r in range(28) for c in range(28)), "class"])),
        "from column 'class'"),
    "a number of each row": (
        csv(np.column_stack([np.arange(COUNT), LABEL_FIRST]), "," + HEADER),
        "column 1 left out"),
    "semicolons": (csv(LABEL_FIRST, HEADER.replace(",", ";"), delimiter=";"), "'label'"),
    "tabs": (csv(LABEL_FIRST, name="some.tsv", delimiter="\t"), "first column"),
    "blanks": (csv(LABEL_FIRST, name="some.txt", delimiter=" "), "first column"),
    "gzipped": (csv(LABEL_FIRST, HEADER, "train.csv.gz"), "'label'"),
    "quoted": (
        csv(LABEL_FIRST, HEADER.replace("label", '"label"'), form='"%d"'), "'label'"),
    "whole numbers with a point": (csv(LABEL_FIRST, HEADER, form="%.1f"), "0 to 255"),
    "0 to 1 in text": (
        csv(np.column_stack([ANSWERS, UNIT.reshape(COUNT, -1)]), HEADER, form="%.9g"), "0 to 1"),
    "by numpy.savetxt": (csv(LABEL_FIRST, "# " + HEADER), "'label'"),
    "delimiters at the ends": (
        files("", {"a.csv": text(LABEL_FIRST).replace(b"\n", b",\n")}), "left out"),
    "columns counted from 0": (csv(LABEL_FIRST, counted(785)), "0 to 784 in the first row"),
    "columns counted from 1, pixels 0 to 1": (
        csv(np.column_stack([ANSWERS, UNIT.reshape(COUNT, -1)]), counted(786, 1), form="%.6g"),
        "1 to 785 in the first row are headings"),
    "columns and rows counted by pandas": (
        csv(np.column_stack([np.arange(COUNT), LABEL_FIRST]), f",{counted(785)}"),
        "answers from column 2"),
    "rows numbered from 5": (
        csv(np.column_stack([np.arange(COUNT) + 5, LABEL_FIRST]), "nr," + HEADER),
        "column 'nr' left out: it names the rows"),
    "rows numbered, no header": (
        csv(np.column_stack([np.arange(COUNT), LABEL_FIRST])), "answers from column 2"),
    "rows named": (named_rows(LABEL_FIRST, "who," + HEADER), "column 'who' left out"),
    "rows named, no header": (named_rows(LABEL_FIRST), "column 1 left out"),
    "an empty column": (
        files("", {"a.csv": text(LABEL_FIRST, "note," + HEADER).replace(b"\n", b"\n,")[:-1]
                   .replace(b",note", b"note", 1)}), "column 'note' left out: it is empty"),
    "by Excel": (
        files("", {"a.csv": b"sep=|\n" + text(LABEL_FIRST, delimiter="|")}), "first column"),
    "one-hot columns": (
        csv(np.column_stack([FLAT, ONE_HOT])), "answers from the last 10 columns"),
    "one-hot columns first": (
        csv(np.column_stack([ONE_HOT, FLAT])), "answers from the first 10 columns"),
    "one-hot columns by pandas": (
        csv(np.column_stack([ONE_HOT, FLAT]),
            ",".join(f"label_{k}" for k in range(10)) + HEADER.removeprefix("label")),
        "answers from the first 10 columns"),
    "USPS' zip.train.gz": (
        csv(np.column_stack([ANSWERS, 2 * UNIT.reshape(COUNT, -1) - 1]), name="zip.train.gz",
            delimiter=" ", form="%.4f"), "pixels -1 to 1"),
    "another suffix": (csv(LABEL_LAST, name="optdigits.tra"), "from the last column"),
    "with other tables": (
        files("", {"train.csv": text(LABEL_FIRST, HEADER),
                   "sample_submission.csv": b"ImageId,Label\n1,0\n2,0\n"}, "train.csv"), "'label'"),
    "a mark of the order of bytes": (csv(LABEL_FIRST, "\ufeff" + HEADER), "'label'"),
    # pictures
    "PNG": (pngs("."), "0 to 255"),
    "PNG, dark on light": (pngs(".", change=lambda p: 255 - p), "dark on light, inverted"),
    "PNG in a folder of a folder": (pngs("mnist_png"), "0 to 255"),
}  # fmt: skip
"""What it is → what makes files of PICTURES, and a part of what is said of them."""

PARTS: dict[str, tuple[Make, list[int]]] = {
    "all named": (
        npz(x_train=PICTURES[:100], y_train=ANSWERS[:100], x_val=PICTURES[100:140],
            y_val=ANSWERS[100:140], x_test=PICTURES[140:], y_test=ANSWERS[140:]), [100, 40, 60]),
    "Keras": (
        npz(x_train=PICTURES[:150], y_train=ANSWERS[:150], x_test=PICTURES[150:],
            y_test=ANSWERS[150:]), [0, 0, 50]),
    "one-hot to train": (
        npz(x_train=PICTURES[:150], y_train=ONE_HOT[:150], x_test=PICTURES[150:],
            y_test=ANSWERS[150:]), [0, 0, 50]),
    "each in its own scale": (
        npz(x_train=PICTURES[:150], y_train=ANSWERS[:150], x_test=UNIT[150:],
            y_test=ANSWERS[150:]), [0, 0, 50]),
    "Kaggle's folder": (
        files("", {"train.csv": text(LABEL_FIRST[:150], HEADER),
                   "test.csv": text(FLAT, HEADER.partition(",")[2]),
                   "my_test.csv": text(LABEL_FIRST[150:], HEADER),
                   "sample_submission.csv": b"ImageId,Label\n1,0\n2,0\n"}), [0, 0, 50]),
    "no names": (positional(PICTURES[:150], ANSWERS[:150], PICTURES[150:], ANSWERS[150:]),
                 [0, 0, 50]),
    "four IDX files": (files("", packed(pairs(train=slice(150), t10k=slice(150, 200)))),
                       [0, 0, 50]),
    "two tables": (
        files("", {"mnist_train.csv": text(LABEL_FIRST[:150]),
                   "mnist_test.csv": text(LABEL_FIRST[150:])}), [0, 0, 50]),
    "mnist_png": (pngs("mnist_png/training", "mnist_png/testing"), [0, 0, 100]),
    "train, valid and test": (pngs("train", "valid", "test", "t10k"), [50, 50, 100]),
}  # fmt: skip
"""What it is → what makes it, and how many cases each part has; 0 where the file does not say."""
