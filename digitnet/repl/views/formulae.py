"""The formulae that `why` and `step` show above their numbers."""

from digitnet.insight.backprop import Pass

ACTIVATIONS = {
    "linear": "a = z",
    "sigmoid": "a = 1 / (1 + exp(−z))",
    "tanh": "a = tanh z",
    "relu": "a = max(0, z)",
    "softmax": "a = exp z / Σ exp z",
}
SLOPES = {
    "linear": "f′ = 1",
    "sigmoid": "f′ = a (1 − a)",
    "tanh": "f′ = 1 − a²",
    "relu": "f′ = 1 where a > 0, else 0",
}
SUMS = {
    "dense": "z = Σ x w + b",
    "convolution": "z = Σ patch · kernel + b",
    "batch_norm": "z = γ (x − μ) / √(σ² + ε) + β",
    "max_pool": "z = the largest pixel of the window",
    "average_pool": "z = the mean of the window",
    "flatten": "z = x, in a row",
    "dropout": "z = x: dropout is for training only",
}
GRADIENTS = {
    "dense": ("dC/dw = x δ", "dC/db = δ"),
    "convolution": ("dC/dkernel = Σ patch · δ over all places", "dC/db = Σ δ"),
    "batch_norm": ("dC/dγ = Σ δ (x − μ) / √(σ² + ε)", "dC/dβ = Σ δ"),
    "max_pool": ("dC/dx = δ for the largest pixel of each window, else 0",),
    "average_pool": ("dC/dx = δ / pixels of the window",),
    "flatten": ("dC/dx = δ, as a picture",),
    "dropout": ("dC/dx = δ",),
}
SQUARED = "C = ½ Σ (a − y)²"
COSTS = {
    ("cross-entropy", "softmax"): "C = −Σ y ln a",
    ("cross-entropy", "sigmoid"): "C = −Σ [y ln a + (1 − y) ln(1 − a)]",
}


def forwards(p: Pass) -> tuple[str, ...]:
    """The formulae of z and a of a layer."""
    sums = SUMS[p.layer.kind]
    if getattr(p.layer, "biases", "") is None:
        sums = sums.removesuffix(" + b")
    return (sums, ACTIVATIONS[p.activation]) if hasattr(p.layer, "activation") else (sums,)


def backwards(p: Pass, above: str) -> tuple[str, ...]:
    """The formulae of δ of a layer. above: the kind of the next layer, empty for the last."""
    if p.da is None:
        return ("δ = dC/dz = a − y",)
    first = "dC/da = a − y" if not above else "dC/da = dC/dx of the layer above"
    first = "dC/da = Σ w δ of the layer above" if above == "dense" else first
    if p.activation == "softmax":
        return (first, "δ = dC/dz = a (dC/da − Σ a dC/da)")
    if p.activation == "linear":
        return (first, "δ = dC/dz = dC/da")
    return (first, SLOPES[p.activation], "δ = dC/dz = dC/da · f′")


def gradients(p: Pass) -> tuple[str, ...]:
    """The formulae of the gradients of a layer's parameters; without parameters, of dC/dx."""
    formulae = GRADIENTS[p.layer.kind]
    return formulae[:1] if getattr(p.layer, "biases", "") is None else formulae


ADAM = (
    "m ← 0.9 m + 0.1 g",
    "s ← 0.999 s + 0.001 g²",
    "w ← w − η m / (1 − 0.9ᵗ) / (√(s / (1 − 0.999ᵗ)) + ε)",
)
UPDATES = {
    "sgd": ("w ← w − η g",),
    "momentum": ("v ← μ v + g", "w ← w − η v"),
    "nesterov": ("v ← μ v + g", "w ← w − η (g + μ v)"),
    "rmsprop": ("s ← 0.9 s + 0.1 g²", "w ← w − η g / (√s + ε)"),
    "adam": ADAM,
    "adamw": ("w ← (1 − η λ) w", *ADAM),
    "schedule-free": ("z ← z − η g", "x ← (1 − c) x + c z", "w ← (1 − μ) z + μ x"),
    "schedule-free-adamw": (
        "s ← 0.999 s + 0.001 g²",
        "z ← (1 − η λ) z − η g / (√(s / (1 − 0.999ᵗ)) + ε)",
        "x ← (1 − c) x + c z",
        "w ← (1 − μ) z + μ x",
    ),
}
"""Optimiser → its update of a parameter w with gradient g and learning rate η."""
