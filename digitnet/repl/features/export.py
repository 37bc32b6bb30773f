"""`export` writes the network for other programs, and `import` reads it again."""

from dataclasses import dataclass
from typing import Annotated

from rich.console import Console, ConsoleOptions, RenderResult
from rich.filesize import decimal

from digitnet.registry.exchange import export_network, import_network
from digitnet.repl import kinds
from digitnet.repl.command import command
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.features.new import InHandResult
from digitnet.repl.pictures.file import path_of, path_to_write
from digitnet.repl.result import Record
from digitnet.repl.session import Session


@dataclass(frozen=True)
class ExportResult(Record):
    """The file that was written."""

    file: str
    bytes: int
    format: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield f"Exported as {printable(self.file)} ({decimal(self.bytes)})."


@command(
    "export",
    group="Saves",
    examples={
        "export first.npz": "for numpy",
        "export first.safetensors": "for PyTorch and others",
        "export first.onnx": "for onnxruntime and others; cannot be imported",
    },
)
def export(session: Session, file: Annotated[str, kinds.FILE]) -> ExportResult:
    """Write the network to a file for other programs: .npz, .safetensors or .onnx.

    The file holds what is needed to answer, and a description: weights and biases (their running
    mean, if the network answers with it), activations, cost, shape, precision, the scale of the
    pixels, recipe and data sets. It does not hold what only training needs, such as the optimizer's
    state; a save (p) does. An existing file is overwritten only after a yes.

    .safetensors and .onnx need one more package each: pip install safetensors onnx.
    """
    model = session.network()
    path = path_to_write(file, "export first.npz", session.asker)
    written = export_network(model, path)
    return ExportResult(str(path), written, path.suffix[1:].lower())


@command(
    "import",
    group="Saves",
    examples={"import first.npz": "load it; pas NAME then saves it"},
)
def import_(session: Session, file: Annotated[str, kinds.FILE]) -> InHandResult:
    """Load a network from a file that export wrote: .npz or .safetensors.

    It has no name yet, and the default settings. Training continues from its weights, but the
    optimizer and the history start afresh.
    """
    model = import_network(path_of(file, "import first.npz"))
    if not session.may_discard():
        raise CommandError("nothing was imported; the network in hand is unchanged")
    model.trainer.seed = session.new_seed()
    session.take(model)
    return InHandResult.of(
        model,
        f"Imported {printable(file)}: {model.network.shape}. It has no name yet: pas NAME saves "
        "it.",
    )
