"""Reads cases that other programs have written: pictures, IDX files, .npz and .npy files, tables.

`read_cases` recognises what they hold and says so; `import_from` makes them a data set. To add a
format of files, add a record to FORMATS.
"""

import io
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digitnet.digits.files import (
    BadFile,
    Bytes,
    ReadSoFar,
    locate_idx,
    naming,
    read_bounded,
    read_head,
    read_idx,
    read_npz_arrays,
)
from digitnet.digits.own import TEST, TRAIN, VALIDATION, OwnCases, max_cases, parts_of
from digitnet.digits.page import as_plain, page_in
from digitnet.digits.pictures import MAX_BYTES, SUFFIXES, pictures_at, read_picture
from digitnet.digits.prepare import NoDigit
from digitnet.digits.recognize import Contents, Part, inverted, recognized
from digitnet.digits.table import read_table
from digitnet.engine.arrays import Array
from digitnet.engine.report import Report, ignore

MAX_FILE = 1 << 30
MAX_ARRAYS = 1 << 29  # maximum bytes of all arrays of a file together
MAX_IDX = 256 << 20
MAX_TABLES = 12
MAX_DEPTH = 3  # folders in folders that are looked into

_PARTS = (
    (TEST, re.compile(r"t10k|test(ing)?")),
    (VALIDATION, re.compile(r"val(id|idation)?|dev")),
    (TRAIN, re.compile(r"train(ing)?")),
)

_PICTURES = re.compile(r"images?|imgs?|pictures?|x|data|inputs?|features?|pixels")
_ANSWERS = re.compile(r"labels?|lbls?|answers?|y|targets?|class(es)?")
_ARRAYS = re.compile(r".*\.np[yz]", re.IGNORECASE)
_TABLE = re.compile(r".*\.([ct]sv|txt|data)(\.gz)?", re.IGNORECASE)
_IMAGES = re.compile(r".*images?[-._]idx3[-._]ubyte(\.gz)?", re.IGNORECASE)
_IDX = re.compile(r"idx|ubyte|images|labels", re.IGNORECASE)
_NUMBERS = re.compile(rb"[-+\d.,;\seE]*\d[-+\d.,;\seE]*")


class Format(NamedTuple):
    """A format of files. name: as messages call it. matches: whether a file or folder has it.

    read: given the number of inputs that a case is to have, if that is known.
    """

    name: str
    matches: Callable[[Path], Any]
    read: Callable[[Path, Report, int | None], Contents]


def import_from(
    path: Path, report: Report = ignore, digits: Array | None = None
) -> tuple[OwnCases, list[str], list[str]]:
    """The cases of a data set made of files, and the notes and files left out of read_cases.

    They are shuffled, always in the same way. Parts that the files name are kept. One that is
    missing is taken from the training cases, or, without these, from all cases. Raises BadFile, as
    read_cases does.
    """
    read = read_cases(path, report, digits)
    given = {each.part for each in read.sets}
    parts, answers, inputs = [], [], []
    for each in read.sets:
        if each.answers is None:
            raise BadFile(
                "has no answers to some or all cases; answer reads those that have none. In a "
                "table, head the column of answers with label",
                path,
            )
        its_parts = parts_of(each.inputs, each.answers)
        if each.part in (None, TRAIN):
            its_parts[np.isin(its_parts, [p for p in given if p is not None])] = TRAIN
        elif given & {None, TRAIN}:
            its_parts[:] = each.part
        inputs.append(each.inputs)
        answers.append(each.answers)
        parts.append(its_parts)
    order = np.random.default_rng(0).permutation(sum(map(len, parts)))
    notes = [*read.notes, "order shuffled"]
    if read.words:
        some = ", ".join(f"{number} {word}" for number, word in enumerate(read.words[:5]))
        notes.insert(-1, f"answers {some}" + (", ..." if len(read.words) > 5 else ""))
    most = max_cases(inputs[0])
    if len(order) > most:
        notes.append(f"{most:,} of {len(order):,} cases kept, which is the most of a data set")
        order = order[:most]
    arrays = (np.concatenate(each)[order] for each in (inputs, answers, parts))
    return OwnCases(*arrays, words=read.words), notes, read.left_out


def read_cases(
    path: Path, report: Report = ignore, digits: Array | None = None, inputs: int | None = None
) -> Contents:
    """Reads files of any of FORMATS and recognises what they hold.

    Reports ReadSoFar. digits: (10, 28, 28), the mean picture of each digit, by which sideways ones
    are told. inputs: the numbers a case is to have, if known. Raises BadFile, which says what the
    files are and what would be read.
    """
    with naming(path):
        if not path.exists():
            raise BadFile("there is no such file")
        form = next((form for form in FORMATS if form.matches(path)), None)
        if form is None:
            raise BadFile(_unknown(path))
        contents = form.read(path, report, inputs)
        contents.names.append(path.name)
        return recognized(contents, digits, inputs)


def part_of(name: str) -> int | None:
    """The part that a name speaks of: TRAIN, VALIDATION, TEST, or None."""
    words = _words(name)
    return next((part for part, word in _PARTS if any(map(word.fullmatch, words))), None)


def _words(name: str) -> list[str]:
    """The words in a name: x_train, trainX and xtrain are x and train."""
    apart = re.sub(r"([a-z])([A-Z])|^([xyXY])(?=[tv])", r"\1\3_\2", name)
    return re.findall(r"t10k|[a-z]+", apart.lower())


def _unknown(path: Path) -> str:
    suffix = path.suffix.lower()
    reason = f"is {f'a {suffix}' if suffix else 'a'} file, which digitnet does not read"
    if path.is_dir():
        reason = "holds nothing that digitnet reads"
    elif suffix in (".zip", ".7z", ".rar", ".tar", ".tgz"):
        reason = "must be unpacked first"
    elif suffix in (".pkl", ".pickle", ".pt", ".pth", ".joblib"):
        reason = "is a pickle, which might run any program: save its arrays with numpy.savez"
    names = [form.name for form in FORMATS]
    return f"{reason}. It reads {', '.join(names[:-1])} and {names[-1]}"


def _files_in(path: Path, matches: Callable[[str], Any]) -> list[Path]:
    """The file, or the files in a folder, whose names match; not those in hidden folders."""
    if not path.is_dir():
        return [path] if matches(path.name) else []
    files = []
    for place, folders, names in os.walk(path):
        depth = len(Path(place).relative_to(path).parts)
        folders[:] = sorted(f for f in folders if f[0] not in "._") if depth < MAX_DEPTH else []
        files += [Path(place, name) for name in sorted(names) if matches(name) and name[0] != "."]
    return files


# folders of pictures


def _by_answer(folder: Path, depth: int = MAX_DEPTH) -> list[tuple[int | None, Path]]:
    """The folders that have subfolders 0 to 9, each with its part.

    They are the folder itself, those in it that are named after a part, or those in its only
    folder.
    """
    if not folder.is_dir():
        return []
    if any((folder / str(digit)).is_dir() for digit in range(10)):
        return [(part_of(folder.name), folder)]
    inner = sorted(each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._")
    named = [each for each in inner if part_of(each.name) is not None]
    if not depth or (not named and len(inner) > 1):
        return []
    return [place for each in named or inner for place in _by_answer(each, depth - 1)]


def _read_pictures(path: Path, report: Report, inputs: int | None) -> Contents:
    """Pictures in folders: 28 x 28 ones as they are, others prepared as by `img`."""
    files = [
        (part, file.answer, file.path)
        for part, folder in _by_answer(path)
        for file in pictures_at(folder)
        if file.answer is not None
    ]
    if not files:
        raise BadFile("has no subfolders 0 to 9 with pictures in them")
    contents = Contents([], is_picture=True)
    cases, plain = list[tuple[int | None, int, Bytes]](), list[Bytes]()
    for number, (part, answer, file) in enumerate(files):
        report(ReadSoFar(path.name, number, len(files), "files"))
        try:
            colours = read_picture(read_bounded(file, MAX_BYTES))
            if (picture := as_plain(colours)) is None:
                digits = page_in(colours).digits
                if len(digits) > 1:
                    raise BadFile(f"has {len(digits)} digits or pieces of one, not one digit")
                picture = digits[0].picture
                contents.notes = ["pictures in colour or not 28 x 28 prepared as MNIST's were"]
            else:
                plain.append(picture[None])
            cases.append((part, answer, picture))
        except (BadFile, NoDigit) as error:
            contents.left_out.append(f"{file}: {error}")
    if contents.notes and plain:  # what is prepared has no say in how the others are
        contents.notes.append(f"the others {inverted(plain)}")
    if not cases:
        raise BadFile(f"has no picture that can be read; {contents.left_out[-1]}")
    names = _files_in(path, lambda name: name.lower().endswith(SUFFIXES))
    elsewhere = Counter(f.parent for f in {*names} - {file for *_, file in files})
    read = ", ".join(folder.name for _, folder in _by_answer(path))
    for folder, count in sorted(elsewhere.items()):
        told = f"{folder}: not one of the folders 0 to 9 in {read}; pictures in it: {count:,}"
        contents.left_out.append(told)
    for its_part in dict.fromkeys(part for part, _, _ in cases):
        of_it = [(answer, picture) for part, answer, picture in cases if part == its_part]
        answers, pictures = zip(*of_it, strict=True)
        contents.sets.append(Part(its_part, np.stack(pictures), np.array(answers)))
    return contents


# IDX files


def _dimensions(path: Path) -> int:
    """The number of dimensions of an IDX file of bytes; 0 if it does not begin like one."""
    head = read_head(path, 4)
    return head[3] if head[:3] == b"\0\0\x08" and len(head) == 4 else 0


def _images_in(path: Path) -> list[Path]:
    """The IDX files of pictures: told by their names, or by how they begin."""
    files = _files_in(path, _IDX.search) or ([path] if path.is_file() else [])
    return [file for file in files if _IMAGES.fullmatch(file.name) or _dimensions(file) == 3]


def _set_name(path: Path) -> tuple[str, ...]:
    """What the name of an IDX file says besides its format, alike for pictures and answers."""
    words = re.findall(r"[a-z]+|\d\d+", path.name.lower())
    formats = re.compile(f"idx|ubyte|gz|{_PICTURES.pattern}|{_ANSWERS.pattern}")
    return tuple(word for word in words if not formats.fullmatch(word))


def _answers_beside(images: Path) -> Path:
    """The file of answers: the one named like that of the pictures, or alike but for its format.

    Raises BadFile if there is none.
    """
    stem = re.sub(r"\.gz$", "", images.name)
    wanted = stem.replace("images", "labels").replace("idx3", "idx1").replace(".idx", "-idx")
    for folder in (images.parent, images.parent.parent):
        if "image" in stem and (found := locate_idx(folder, wanted)):
            return found
    others = [f for f in sorted(images.parent.iterdir()) if _set_name(f) == _set_name(images)]
    answers = [f for f in others if _IDX.search(f.name) and _dimensions(f) == 1]
    if not answers:
        raise BadFile(f"has no file of answers beside it: looked for {wanted}", images)
    return answers[0]


def _read_idx(path: Path, report: Report, inputs: int | None) -> Contents:
    """Files of pictures, each with its file of answers beside it."""
    contents = Contents([], is_picture=True)
    images = {(file.parent.parent, _set_name(file)): file for file in reversed(_images_in(path))}
    for file in reversed(images.values()):
        report(None)
        pictures = read_idx(file, 3, max_bytes=MAX_IDX)
        answers = read_idx(_answers_beside(file), 1, max_bytes=MAX_IDX)
        contents.sets.append(Part(part_of(file.name), pictures, answers))
        contents.names.append(file.name)
    return contents


# arrays of numpy


def _read_arrays(path: Path, report: Report, inputs: int | None) -> Contents:
    """The arrays of an .npz file, or of .npy files in a folder, in pairs by their names."""
    files = _files_in(path, _ARRAYS.fullmatch)
    archives = [file for file in files if file.suffix.lower() == ".npz"]
    if len(archives) > 1:
        raise BadFile(f"has {len(archives)} .npz files: name one of them")
    report(None)
    packed = io.BytesIO(read_bounded(archives[0], MAX_FILE) if archives else b"")
    if not archives:
        with zipfile.ZipFile(packed, "w") as archive:
            for file in files:
                archive.writestr(file.name, read_bounded(file, MAX_ARRAYS))
    pairs: list[tuple[int | None, str, str | None]] = []

    def choose(names: list[str]) -> list[str]:
        pairs.extend(_pairs(names))
        return [name for _, *pair in pairs for name in pair if name is not None]

    arrays = read_npz_arrays(packed.getvalue(), choose, MAX_ARRAYS)
    sets = []
    for part, x, y in pairs:
        cases, answers = np.atleast_1d(arrays[x]), np.atleast_1d(arrays[y]) if y else None
        if cases.ndim == 1:
            raise BadFile(f"has an array of {len(cases):,}, not of cases, called {x}")
        counts = cases.shape[0], cases.shape[-1]
        if answers is not None and answers.ndim == 2 and len(answers) not in counts:
            answers = answers.T  # a column of answers a case
        sets.append(Part(part, cases, answers))
    return Contents(sets, names=[file.name for file in files])


def _pairs(names: Sequence[str]) -> list[tuple[int | None, str, str | None]]:
    """The arrays of pictures or numbers in a file, each with its answers, by part.

    Arrays that numpy has named arr_0, arr_1, ... are taken in pairs.
    """
    if all(re.fullmatch(r"arr_\d", name) for name in names) and len(names) in (2, 4, 6):
        of_pairs: tuple[list[int | None], ...] = ([None], [TRAIN, TEST], [TRAIN, VALIDATION, TEST])
        parts = of_pairs[len(names) // 2 - 1]
        in_order = sorted(names)
        return list(zip(parts, in_order[::2], in_order[1::2], strict=True))
    inputs, answers = dict[int | None, str](), dict[int | None, str]()
    for name in names:
        part, words = part_of(name), _words(name)
        if "names" in words:  # of scikit-learn's answers and columns
            continue
        if any(map(_ANSWERS.fullmatch, words)):
            answers.setdefault(part, name)
        elif any(map(_PICTURES.fullmatch, words)) and (part not in inputs or "images" in words):
            inputs[part] = name
    if not inputs:
        raise BadFile("has no arrays called images and labels, or x_train and y_train")
    return [(part, name, answers.get(part)) for part, name in inputs.items()]


# tables


def _tables(path: Path) -> list[Path]:
    """The table, or those in a folder, where a text of another suffix may be something else."""
    if path.is_file() and _NUMBERS.fullmatch(read_head(path, 1000)):
        return [path]
    files = _files_in(path, _TABLE.fullmatch)
    return [file for file in files if file == path or ".csv" in file.name or ".tsv" in file.name]


def _read_tables(path: Path, report: Report, inputs: int | None) -> Contents:
    """A table, or those in a folder; one without answers is left out where others have them."""
    files, tables = _tables(path), dict[Path, Contents]()
    left_out = [f"{file}: only {MAX_TABLES} tables are read" for file in files[MAX_TABLES:]]
    for file in files[:MAX_TABLES]:
        try:
            tables[file] = read_table(file, part_of(file.stem), report, inputs)
        except BadFile as error:
            if file == path:
                raise
            left_out.append(f"{file}: {error}")
    if not tables:
        raise BadFile(f"has no table that can be read; {left_out[0]}")
    answered = {file: each for file, each in tables.items() if each.sets[0].answers is not None}
    if inputs is None and answered:
        left_out += [f"{file}: has no column of answers" for file in tables if file not in answered]
        tables = answered
    sets = [each.sets[0] for each in tables.values()]
    order = sets[0].headings
    for number, each in enumerate(sets):  # which may have the same columns in another order
        others = {*order} ^ {*each.headings}
        if others and {*order} & {*each.headings}:
            some = ", ".join(sorted(others)[:5])
            raise BadFile(f"has tables that differ in the columns {some}")
        if not others and order != each.headings:
            if len({*order}) < len(order):
                raise BadFile("has two columns of one name, ordered differently in its tables")
            cases = each.inputs[:, [each.headings.index(name) for name in order]]
            sets[number] = replace(each, inputs=cases, headings=order)
    notes = [note for table in tables.values() for note in table.notes]
    return Contents(sets, notes, left_out, next(iter(tables.values())).is_picture)


FORMATS = (
    Format("a folder with pictures in subfolders 0 to 9", _by_answer, _read_pictures),
    Format("IDX files with images in their name", _images_in, _read_idx),
    Format(".npz and .npy files", lambda path: _files_in(path, _ARRAYS.fullmatch), _read_arrays),
    Format("tables (.csv)", _tables, _read_tables),
)
