"""Makes the tables of the README and of docs/ from the records of the program.

    python tests/golden/tables.py

writes anew what stands between `<!-- generated: NAME -->` and `<!-- end -->` on each page.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from transcript import ROOT

from digitnet.digits.datasets import RELATIVES, SOURCES
from digitnet.digits.importing import FORMATS
from digitnet.engine.layers import ACTIVATIONS, LAYERS
from digitnet.engine.minimize import METHODS
from digitnet.engine.network import COSTS
from digitnet.engine.optimizers import OPTIMIZERS
from digitnet.engine.settings import NAMED_VALUES, WHOLE_SET, Settings
from digitnet.flags import OPTIONS
from digitnet.insight.doctor import FAULTS
from digitnet.recipes import DEFAULT, RECIPES
from digitnet.repl.command import Command, all_commands, find
from digitnet.repl.loop import do_line
from digitnet.repl.result import Result
from digitnet.repl.session import SESSION_SETTINGS, NonInteractive, Session
from digitnet.repl.terminal.output import Output

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- generated: (.*?) -->\n).*?(?=<!-- end -->)", re.DOTALL)

FIRST = ("n relu", "t 3e", "c 17", "ch all", "why 17", "d", "pas first", "l first", "undo", "? t")
"""Examples of the ten commands in the README."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---"] * len(heads), *rows]
    cells = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def ten_commands() -> str:
    rows = []
    for line in FIRST:
        record = find(line.split()[0])
        rows.append((_names(record), record.summary, f"`{line}`: {record.examples[line]}"))
    return table(("command", "does", "for example"), rows)


def _names(record: Command) -> str:
    return ", ".join(f"`{name}`" for name in (record.name, *record.aliases))


def commands(records: Iterable[Command]) -> str:
    rows = []
    for record in records:
        arguments = record.usage.removeprefix(record.name).strip()
        rows.append((_names(record), f"`{arguments}`" if arguments else "", record.summary))
    return table(("command", "arguments", "does"), rows)


def all_groups() -> str:
    groups = groupby(all_commands(), lambda record: record.group)
    return "\n".join(f"**{group}**\n\n{commands(records)}" for group, records in groups)


def recipes() -> str:
    rows = ((f"`{r.name}`", r.shape, r.summary) for r in RECIPES.values())
    return table(("recipe", "shape", "what it is"), rows)


def settings() -> str:
    default = RECIPES[DEFAULT].settings
    rows = [
        (f"`{f.name}`", _value(f.name, getattr(default, f.name)), f.metadata["meaning"])
        for f in fields(Settings)
    ]
    return table(("setting", "default", "what it is"), rows)


def _value(name: str, value: Any) -> str:
    if name in ("batch", "cases") and value == WHOLE_SET:
        return "all"
    return f"{value:g}" if isinstance(value, float) else str(value)


def layers() -> str:
    """How each kind of layer is written, and its formulae."""
    rows = (
        (f"`{layer.notation.example.split()[0]}`", kind.replace("_", " "), *map(_lines, formulae))
        for kind, layer in LAYERS.items()
        if layer.notation.example
        for formulae in [(layer.notation.formulae, layer.notation.gradients)]
    )
    return table(("in a shape", "layer", "forward", "backward"), rows)


def _lines(formulae: Iterable[str]) -> str:
    return "<br>".join(formulae)


def activations() -> str:
    rows = ((f"`{a.name}`", a.formula, a.derivative) for a in ACTIVATIONS.values())
    return table(("activation", "formula", "derivative"), rows)


def costs() -> str:
    rows = (
        (f"`{name}`", ", ".join(cost.outputs or ACTIVATIONS), cost.formula)
        for name, forms in COSTS.items()
        for cost in forms
    )
    return table(("cost", "outputs", "formula for a case"), rows)


def optimizers() -> str:
    rows = (
        (f"`{name}`", f"{kind.usual_rate:g}", _lines(kind.formulae))
        for name, kind in OPTIMIZERS.items()
    )
    return table(("optimizer", "usual rate", "step"), rows)


def meanings(head: str, what: str, names: Mapping[str, str]) -> str:
    return table((head, what), ((f"`{name}`", text) for name, text in names.items()))


def flags() -> str:
    rows = []
    for option in OPTIONS.values():
        flag = f"--{option.name} {option.metavar or ''}".strip()
        variable = f"DIGITNET_{option.name.upper().replace('-', '_')}"
        rows.append((f"`{flag}`", f"`{variable}`", option.help))
    return table(("flag", "variable", "what it does"), rows)


JSON = (
    "n diary; t 1; min 1; c 1; c 1 layers; ch 5; show 2; wrong; cm; why 1; w; w 1; w case 1; look "
    "1; look train 1; like 3; fool 3; grad; i; plot; pas a; p; pas b; plot a b; diff a b 1; diff "
    "a b; quiz; quiz skip; study rate 1 2 --for 1; study study-1 best; undo; redo; t 1; undo t; "
    "ls; export {0}/b.npz; import {0}/b.npz; n mini; step; find rate; l a; data import some "
    "{0}/some.npz; data; data delete some; undo; img {0}/digits; mine 7; mine show; img "
    "{0}/page.png; mine 12; mine 21; mine remove; answer {0}/some.npz {0}/answers.csv; ren a c; "
    "del c; undo c; redo; undo c; lesson; lesson 1; patient; patient 1; patient hint; patient "
    "rate-high; data sample; vote c b; i; c 1; c 1 layers; plot; like 3; fool 3; why 1; w; n "
    "28x28-4c5-p2-b-d0.5-10; i; n 784-8-10; set; set rate 50; set batch 9999; doctor; doctor 1; "
    "tour; ?; ? rate; s"
)
"""Commands whose fields are listed, those of all answers of a command together; {0}: a folder."""


class Noted(Output):
    """An output that keeps the fields of each command's results."""

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, Any]] = {}

    def result(self, command: str, result: Result) -> None:
        self.fields[command] = _merged([self.fields.get(command, {}), result.as_json()])

    def error(self, command: str, message: str, done: Result | None = None) -> None:
        raise AssertionError(f"{command}: {message}")


def json_fields() -> str:
    """The names of the fields of each command's object."""
    with tempfile.TemporaryDirectory() as name:
        folder, noted = Path(name), Noted()
        pictures = SOURCES["sample"].read([ROOT / "data"]).test.inputs[:20].reshape(-1, 28, 28)
        np.savez(folder / "some.npz", images=pictures, labels=np.arange(20) % 10)
        (folder / "digits" / "7").mkdir(parents=True)
        Image.fromarray(255 - pictures[0]).save(folder / "digits" / "7" / "picture.png")
        page = np.hstack([np.pad(picture, 8) for picture in pictures[:2]])
        Image.fromarray(255 - page).save(folder / "page.png")
        session = Session(folder, [ROOT / "data"], folder, seed=1, asker=NonInteractive(True))
        do_line(JSON.format(folder), session, noted)
    rows = ((f"`{name}`", _keys(found)) for name, found in noted.fields.items())
    return table(("command", "fields"), rows)


def _merged(objects: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Their fields; what is a list in one has the elements of all."""
    merged: dict[str, Any] = {}
    for found in objects:
        for name, value in found.items():
            known = merged.get(name)
            are_lists = isinstance(known, list) and isinstance(value, list)
            merged[name] = known + value if are_lists else value or known
    return merged


def _keys(found: Mapping[str, Any]) -> str:
    texts = []
    for name, value in found.items():
        texts.append(f"`{name}`")
        if isinstance(value, list) and (of_each := [v for v in value if isinstance(v, dict)]):
            texts[-1] += f" (of each {_keys(_merged(of_each))})"
    return ", ".join(texts)


TABLES: dict[str, Callable[[], str]] = {
    "ten commands": ten_commands,
    "commands": all_groups,
    "recipes": recipes,
    "settings": settings,
    "session settings": lambda: meanings("setting", "what it is", SESSION_SETTINGS),
    "layers": layers,
    "activations": activations,
    "costs": costs,
    "optimizers": optimizers,
    "schedules": lambda: meanings("schedule", "factor", NAMED_VALUES["schedule"]()),
    "minimizers": lambda: meanings("method", "what it is", METHODS),
    "augmentation": lambda: meanings("name", "distortions", NAMED_VALUES["augment"]()),
    "data sets": lambda: meanings(
        "data set",
        "what it is",
        {source.name: source.summary for source in (SOURCES | RELATIVES).values()},
    ),
    "data formats": lambda: "".join(f"- {form.name}\n" for form in FORMATS),
    "flags": flags,
    "json": json_fields,
    "faults": lambda: table(
        ("what is wrong", "group"), ((fault.what, fault.group) for fault in FAULTS.values())
    ),
}


def filled(text: str) -> str:
    return BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block[2]]()}\n", text)


def main() -> None:
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
