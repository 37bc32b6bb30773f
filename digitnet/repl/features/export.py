"""`export` writes the network for other programs, and `import` reads it again."""

from dataclasses import replace

from rich.filesize import decimal

from digitnet.engine.layers import hidden_activations
from digitnet.engine.settings import WHOLE_SET
from digitnet.recipes import DEFAULT, RECIPES
from digitnet.registry.exchange import ActivationNeeded, export_network, import_network
from digitnet.repl import kinds
from digitnet.repl.command import command, path_of
from digitnet.repl.errors import CommandError, printable
from digitnet.repl.features.new import now_in_hand
from digitnet.repl.pictures.file import path_to_write
from digitnet.repl.result import Said
from digitnet.repl.session import Session


@command("export", group="Saves")
def export(session: Session, file: kinds.FILE) -> Said:
    """Write the network to a file for other programs: .npz, .safetensors, .onnx or .py.

    The file holds what is needed to answer, and a description: weights and biases (their running
    mean, if the network answers with it), activations, cost, shape, precision, the scale of the
    pixels, recipe and data sets. It does not hold what only training needs, such as the optimizer's
    state; a save (p) does. In .onnx, batch normalization and dropout are part of the layers below;
    a committee is its members side by side. An existing file is overwritten only after a yes.

    .safetensors and .onnx need one more package each: pip install safetensors onnx.

    export first.npz: for numpy
    export first.safetensors: for PyTorch and others
    export first.onnx: for onnxruntime and others
    export best.py: lines of Python that answer with best.npz, which is written too
    """
    model = session.network()
    path = path_to_write(file, "export first.npz", session.asker)
    suffix, files, written = path.suffix[1:].lower(), [printable(str(path))], 0
    if suffix == "py":
        weights = path_to_write(str(path.with_suffix(".npz")), "", session.asker)
        files.append(printable(str(weights)))
        written = export_network(model, weights)
    written += export_network(model, path)
    fields = {"file": str(path), "bytes": written, "format": suffix}
    return Said(f"Exported as {' and '.join(files)} ({decimal(written)}).", fields)


@command("import", group="Saves")
def import_(session: Session, file: kinds.FILE_OF_WEIGHTS, activation: kinds.HIDDEN = "") -> Said:
    """Load a network from a file: .npz, .safetensors or .onnx.

    If export wrote it, it is as it was, without a name and with the default settings: training
    continues from its weights, but the optimizer and the history start afresh. Otherwise it may
    hold the weights and biases of a dense network: a state dict of PyTorch in .safetensors, or the
    matrices of Keras or scikit-learn, in order, in .npz. The activation of its hidden units, which
    such a file does not tell, is given after it. A model in .onnx may be of any program if its
    layers are ones that digitnet has, one after the other; any other is refused, by name.

    import mlp.safetensors relu: the state dict of a dense network of PyTorch's
    import mlp.onnx: a model that another program wrote
    import first.npz: load it; pas NAME then saves it
    """
    path, said = path_of(file, "import first.npz"), list[str]()
    try:
        model = import_network(path, activation, said.append)
    except ActivationNeeded as error:
        which = f"{', '.join(hidden_activations())} (as in import {printable(file)} relu)?"
        activation = session.asker.ask(f"{error}: {which}").strip()
        if activation not in hidden_activations():
            raise CommandError(f"{error}. Example: import mlp.npz relu") from None
        model = import_network(path, activation, said.append)
    session.discard("nothing was imported")
    model.trainer.seed = session.new_seed()
    if not model.network.is_committee:
        usual = RECIPES.get(model.recipe, RECIPES[DEFAULT]).settings
        pixels = model.trainer.settings.pixels
        model.trainer.change(replace(usual, cases=WHOLE_SET, pixels=pixels))
    session.take(model)
    sentences = [f"Imported {printable(file)}: {model.network.shape}.", *said]
    made = f"{printable(' '.join(sentences), 2000)} It has no name yet: pas NAME saves it."
    return now_in_hand(model, made, understood=said)
