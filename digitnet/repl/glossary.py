"""The glossary of `? WORD`: the meaning of each word, with an example to type.

Settings, recipes, data sets, activations, costs, optimizers and schedules are described where they
are defined; the terms of the field are described here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from digitnet.digits.datasets import SOURCES
from digitnet.engine.layers import ACTIVATIONS
from digitnet.engine.minimize import SUMMARIES
from digitnet.engine.network import COSTS
from digitnet.engine.settings import NAMED_VALUES, SETTINGS
from digitnet.paths import config_file
from digitnet.recipes import RECIPES
from digitnet.repl.errors import printable
from digitnet.repl.session import SESSION_SETTINGS


@dataclass(frozen=True)
class Meaning:
    """A meaning of a word. kind: such as `a setting`. example: a line to type."""

    word: str
    kind: str
    text: str
    example: str


_TERMS = """
accuracy | ch all
  The fraction of cases whose largest output is the right answer. On training cases it is too
  good to be true; on the test set it tells what to expect on new digits.
alias | ?
  A word of your own for a line of commands, in config.toml: [alias], then warm = "n $1; t 2e". It
  takes the words typed after it as $1, $2, ... or, without these, at its end.
activation | n 784-100-10 tanh softmax
  The function f in a = f(z) that a unit applies to its weighted sum z. Without one between them,
  several layers could do no more than a single one.
back-propagation | why
  How the gradient of the cost is computed: the error at the outputs is sent back through the
  layers, and each finds the gradient of its weights by the chain rule.
batch normalization | n 784-100-b-10
  A layer that shifts and scales each unit to mean 0 and variance 1 over the mini-batch, so that
  deep networks train faster. In a shape it is b.
bias | i
  A number that each unit adds to its weighted sum, learnt like the weights.
case | c
  One image with its answer, or one row of a table.
config | ? alias
  The file of your own defaults, FILE: a line such as seed = 3 for each flag of digitnet --help,
  and aliases. DIGITNET_CONFIG names another file.
committee | vote first second
  Several networks that answer together, with the mean of their outputs: they rarely make the
  same mistake.
convolution | n 28x28-32c5-p2-10
  A layer that slides small kernels over the image, so that a stroke is found wherever it is. In
  a shape, 32c5 is 32 channels with kernels of 5 by 5.
cost | plot
  What training lowers: how far the outputs are from the right answers, averaged over the cases.
  There are two, cross-entropy and squared (the squared error).
chain rule | why
  The derivative of f(g(x)) is f′(g(x)) g′(x). A network is functions in functions, so the
  derivative of its cost is a product of one factor for each of them, from the outputs down.
dead | doctor
  A ReLU that is 0 for every case. Its derivative is 0 too, so no gradient reaches its weights,
  and it stays dead.
delta | why
  δ = dC/dz, the error signal of a unit: how the cost changes with its weighted sum. For softmax
  with cross-entropy it is a − y at the outputs; below, f′ Σ w δ of the layer above. A weight's
  gradient is its input times the δ of its unit.
epoch | t 3e
  One pass over all training cases, in a new random order each time. The sample's 3,500, in
  mini-batches of 16, make 219 mini-batches.
gradient | grad
  How the cost changes with each weight. Training steps against it, downhill.
gradient descent | set optimizer sgd
  Training by small steps against the gradient: each weight changes by the rate times its
  gradient. With a few random cases a step it is called stochastic.
guess | c
  The answer with the largest output.
hidden layer | n 784-100-50-10
  A layer between the inputs and the outputs: in 784-100-50-10 there are two. c layers shows what
  their units compute.
history | set epoch_lines on
  At the prompt: Up, Down and Ctrl-R find lines typed before, also on other days. Of a training:
  its measurements, which plot draws.
horizon | set schedule cosine 20e
  The training that a schedule spans: its rate has reached its end when that is done.
initial weights | set seed 1
  The random weights before training, scaled so that signals neither grow nor fade from layer to
  layer (He, Glorot). The seed decides them.
Jacobian | why 5
  The table of derivatives of several outputs by several inputs. That of softmax has da_i/dz_j =
  a_i (1 − a_i) where i = j, and −a_i a_j elsewhere.
keys | set vi on
  Tab completes, Up, Down and Ctrl-R find earlier lines, Right takes the grey one, Ctrl-C clears
  the line or stops a training, Ctrl-D leaves, Ctrl-X Ctrl-E opens an editor.
label | data
  The right answer of a case, as it comes with the data.
mini-batch | t 500
  The few cases that one step of training uses; their mean gradient changes the weights once. The
  setting batch says how many.
network | i
  Layers of units between the pixels and the ten outputs. Commands work with the network in hand:
  n makes one, l loads one.
optimizer | set optimizer adam
  The rule that turns gradients into steps: plain (sgd), with a memory of earlier steps
  (momentum), or with a rate for each weight (adam).
output | c
  What the network computes for each answer; with softmax the ten add up to 1 and read as
  probabilities. The largest one is the guess.
overfitting | set augment light
  Memorizing the training cases: their cost keeps falling while the validation accuracy no longer
  rises. More data, deformations, dropout or l2 help.
parameter | i
  A weight or a bias: a number that training changes.
plateau | plot
  A stretch of training in which the cost hardly falls. A smaller rate, or a schedule that lowers
  it, may end it; patience stops there.
pooling | n 28x28-16c5-p2-10
  A layer that keeps the largest (p2) or the mean (a2) of each window of 2 by 2, which halves the
  image's sides.
precision | cm
  Of the cases that were guessed to be a digit, the fraction that are one.
recall | cm
  Of the cases that are a digit, the fraction that were guessed to be one.
recipe | n relu
  A predefined network with its data and settings.
regularization | set l2 1e-4
  What keeps a network from memorizing its training cases: l2 and l1 penalties, max_norm, dropout,
  deformations, early stopping.
saliency | fool 11
  The gradient of an output by the inputs: how much each pixel of a case would change the answer.
  Small changes along it fool a network that reads nearly everything right.
saturated | doctor
  Of a sigmoid or tanh: so near one of its ends that its output hardly changes any more. There f′
  is almost 0, and so is the gradient.
save | pas first
  A network on disk under a name, with its settings and the state of its training.
seed | set seed 1
  The number that starts the random generator: the same seed trains the same network.
shape | n 784-100-10
  The layers of a network, written briefly: 784-100-10 has 784 pixels, 100 hidden units and 10
  outputs.
target | why
  The outputs that a case should have, y: 1 for its answer and 0 for the others.
test set | ch all
  Cases kept out of training and out of every choice of settings, to measure at the end how good
  the network is.
training set | data
  The cases that training learns from.
unit | i
  One number of a layer: a weighted sum of the layer below, plus a bias, through the activation.
  Also called a neuron.
validation set | t 95%
  Cases kept out of training, to follow its progress and to choose settings by. The accuracy that
  t shows is measured on them.
vanishing gradient | doctor
  Gradients that fade from layer to layer on the way back, so that the first layers hardly learn,
  as with many sigmoid layers. relu and batch normalization help.
weight | w
  How strongly one unit acts on another. What a network has learnt is in its weights.
"""
"""Each term of the field with a line to type, and what it means."""

_SYNONYMS = {
    "optimiser": "optimizer", "neuron": "unit", "loss": "cost", "learningrate": "rate",
    "lr": "rate", "training": "trainingset", "validation": "validationset", "test": "testset",
    "layer": "hiddenlayer", "kernel": "convolution", "batchnorm": "batchnormalization",
    "batchnormalisation": "batchnormalization", "regularisation": "regularization",
    "hyperparameter": "recipe", "prediction": "guess", "sgd": "gradientdescent",
    "earlystopping": "patience", "weightdecay": "l2", "configuration": "config",
    "confusionmatrix": "precision",
}  # fmt: skip
"""Other words, without spaces and hyphens, and what they mean here."""


def words() -> Mapping[str, str]:
    """Every word, with the kind of its first meaning."""
    found: dict[str, str] = {}
    for meaning in _all():
        found.setdefault(meaning.word, meaning.kind)
    return found


def meanings(text: str) -> list[Meaning]:
    """The meanings of a word; empty if it is unknown."""
    word = _joined(text)
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    asked = {*forms, *(_SYNONYMS.get(form, form) for form in forms)}
    return [meaning for meaning in _all() if _joined(meaning.word) in asked]


def _joined(word: str) -> str:
    """A word as it is compared: mini-batch, mini batch, Mini_Batch and minibatch are one."""
    return re.sub(r"[-_\s]", "", word).lower()


def in_text(text: str) -> list[str]:
    """The terms and settings that a text uses, in the order of their first use."""
    said = re.findall(r"[a-z2_-]+", text.lower())
    known = {m.word for m in _all() if m.kind in ("a term", "a setting", "an activation")}
    used = (_SYNONYMS.get(word, word) for word in said)
    forms = (next((w for w in (word, word.removesuffix("s")) if w in known), "") for word in used)
    return [word for word in dict.fromkeys(forms) if word]


def _all() -> Iterator[Meaning]:
    for name, summary in (SETTINGS | SESSION_SETTINGS).items():
        named = NAMED_VALUES.get(name, dict)()
        example = f"set {name} {_VALUES.get(name, '1')}"
        values = f" Named values: {', '.join(named)}." if named else ""
        yield Meaning(name, "a setting", f"{_sentence(summary)}{values}", example)
    for name, recipe in RECIPES.items():
        yield Meaning(name, "a recipe", f"{_sentence(recipe.summary)} {recipe.shape}.", f"n {name}")
    for name, source in SOURCES.items():
        yield Meaning(name, "a data set", _sentence(source.summary), f"data {name}")
    for name, activation in ACTIVATIONS.items():
        example = f"n 784-100-10 {'relu ' * activation.sums_to_one}{name}"
        yield Meaning(name, "an activation", _first(activation.forward), example)
    for name, forms in COSTS.items():
        example = f"n 784-100-10 sigmoid sigmoid {name}"
        yield Meaning(name, "a cost", _first(forms[-1].value), example)
    kinds = {"optimizer": "an optimizer", "schedule": "a schedule", "augment": "deformations"}
    for setting, kind in kinds.items():
        for name, summary in NAMED_VALUES[setting]().items():
            yield Meaning(name, kind, _sentence(summary), f"set {setting} {name}")
    for name, summary in SUMMARIES.items():
        yield Meaning(name, "a minimiser", _sentence(summary), f"min 50 {name}")
    for term in re.split(r"\n(?=\S)", _TERMS.strip()):
        first, _, text = term.partition("\n")
        name, _, example = first.partition(" | ")
        said = " ".join(text.split()).replace("FILE", printable(str(config_file())))
        yield Meaning(name, "a term", said, example)


_VALUES = {
    "optimizer": "adam", "schedule": "cosine 20e", "augment": "light", "batch": "64",
    "rate": "0.05", "momentum": "0.9", "dropout": "0.2", "smoothing": "0.05", "l2": "1e-4",
    "l1": "1e-6", "max_norm": "3", "cases": "1000", "patience": "10", "pixels": "unit",
    "vi": "on", "epoch_lines": "on", "watch": "both",
}  # fmt: skip
"""A value of each setting, for its example; 1 for the others."""


def _sentence(text: str) -> str:
    """Adds a capital letter and a full stop, and removes backticks."""
    text = re.sub("`", "", text)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _first(thing: object) -> str:
    return " ".join((thing.__doc__ or "").partition("\n\n")[0].split())
