"""The results of `digitnet.api`, which show themselves in a notebook: HTML and SVG, no library."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitnet.charts import drawing_of_charts, history_charts
from digitnet.engine.arrays import Array, Integers
from digitnet.engine.trainer import Measurement
from digitnet.insight.doctor import Finding
from digitnet.insight.why import Backpropagation


def table(rows: Iterable[Sequence[object]], headings: Sequence[str] = ()) -> str:
    """A table; cells that begin with `<` are HTML already, which a text from outside is not."""

    def cells(row: Sequence[object], kind: str) -> str:
        texts = (text if text.startswith("<") else escape(text) for text in map(str, row))
        return "<tr>" + "".join(f"<{kind}>{text}</{kind}>" for text in texts) + "</tr>"

    head = cells(headings, "th") if headings else ""
    return f"<table>{head}{''.join(cells(row, 'td') for row in rows)}</table>"


def bold(text: object) -> str:
    return f"<b>{escape(str(text))}</b>"


@dataclass(frozen=True, eq=False)
class Digit:
    """What a network makes of a case. outputs: (answers,). answer: None if it is not known.

    picture: (rows, columns), as the network sees it, or (inputs,) if the case is no square.
    """

    guess: Any
    outputs: Array
    picture: NDArray[Any]
    classes: Integers
    answer: Any = None

    def __repr__(self) -> str:
        are_shares = self.outputs.min() >= 0 and abs(self.outputs.sum() - 1) < 1e-4
        output = f"{self.outputs.max():.1%}" if are_shares else f"{self.outputs.max():.3f}"
        return f"Digit(guess={self.guess}, {output})".replace("%", " %")

    def _repr_html_(self) -> str:
        said = f"guess {self.guess}" + f", answer {self.answer}" * (self.answer is not None)
        shown = self._picture() if self.picture.ndim == 2 else ""
        bar = '<div style="background: #2563eb; height: 0.8em; width: {:.0f}px"></div>'
        rows = [
            (bold(name), bar.format(120 * min(max(value, 0), 1)), f"{value:.3f}")
            for name, value in zip(self.classes, self.outputs, strict=False)
        ]
        return table([(shown, table(rows))], [said, "outputs"])

    def _picture(self) -> str:
        full = 255 if self.picture.dtype == np.uint8 else max(1, self.picture.max())
        grey = np.clip(255 - 255 / full * self.picture, 0, 255).astype(np.uint8)
        file = BytesIO()
        Image.fromarray(grey).save(file, "PNG")
        return (
            f'<img src="data:image/png;base64,{b64encode(file.getvalue()).decode()}" width="112" '
            'alt="digit" style="image-rendering: pixelated; border: 1px solid #888"/>'
        )


class History(list[Measurement]):
    """The measurements made in training, oldest first; a notebook draws their curves."""

    def _repr_svg_(self) -> str:
        return drawing_of_charts(history_charts({"": self}), is_light=True).svg().decode()


class Explanation(Backpropagation):
    """Back-propagation of a case, which a notebook shows layer by layer."""

    def _repr_html_(self) -> str:
        rows = []
        for p in self.passes:
            largest = [f"{np.abs(values).max():.3g}" for values in (p.x, p.z, p.a, p.delta)]
            gradients = [f"{np.abs(gradient).max():.3g}" for gradient in p.gradients.values()]
            rows.append([p.layer.text or p.layer.kind, p.activation, *largest, *gradients])
        columns = ("layer", "f", "|x|", "|z|", "|a|", "|δ|", "|dC/dw|", "|dC/db|")
        return f"Cost {self.cost:.4g}; the largest values of each layer:" + table(rows, columns)


@dataclass(frozen=True, eq=False)
class Confusion:
    """The confusion matrix. counts: (answers, guesses). classes: (answers,)."""

    counts: Integers
    classes: Integers

    def _repr_html_(self) -> str:
        """An answer in each row, a guess in each column; errors in colour."""
        counts, names = self.counts, [bold(name) for name in self.classes]
        most = max(1, (counts - np.diag(np.diag(counts))).max())
        red = '<div style="background: rgba(220, 38, 38, {:.2f})">{}</div>'
        rows = []
        for number, (name, line) in enumerate(zip(names, counts, strict=True)):
            cells = [red.format(count / most, count or "") for count in line]
            cells[number] = bold(line[number])
            rows.append([name, *cells])
        return table(rows, ["answer \\ guess", *names])


class Findings(list[Finding]):
    """What keeps a network from learning: causes first; empty if nothing does."""

    def _repr_html_(self) -> str:
        rows = [(finding.what, finding.evidence, finding.remedy) for finding in self]
        return table(rows, ("finding", "evidence", "try")) if rows else "nothing was found"
