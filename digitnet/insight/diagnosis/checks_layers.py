"""Checks of the layers: dead, saturated or identical units, and vanishing or exploding gradients.

Each takes the measurements and returns the figures that show its fault, or None.
"""

from digitnet.insight.diagnosis.finding import Figures
from digitnet.insight.diagnosis.measurements import LayerFacts, Measurements

MAX_UNITS = 0.5
"""Maximum fraction of a layer's units that may be saturated or duplicates:
neurons_ratio_max_thresh in TheDeepChecker's settings."""
MAX_DEAD = 0.7
"""The same for dead units: AUTOTRAINER's γ. In small layers, half may be dead without harm."""
VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4
EXPLODING_RATIO = 70
"""AUTOTRAINER's β₁, β₂ and β₃ (Zhang et al. 2021, ICSE; `gradient_issue` in its monitor.py): the
norm of the gradient of the first layer's weights, as a ratio to the last layer's, and absolute."""
MIN_RESPONSE = 1e-3
"""outputs_var_coef_thresh in TheDeepChecker's settings, for the weighted sums of the outputs."""
MAX_INITIAL_COST = 2.0
"""Ratio to the cost of chance: dev_ratio of 1.0 in TheDeepChecker's settings."""


def symmetric_weights(m: Measurements) -> Figures | None:
    """Units of a hidden layer with identical weights. Their gradients are identical too, so they
    never become different (Goodfellow et al. 2016, "Deep Learning", section 8.4).
    """
    layer = _worst(m, "duplicates")
    if layer is None or layer.duplicates < MAX_UNITS:
        return None
    return _figures(layer, layer.duplicates)


def dead_relus(m: Measurements) -> Figures | None:
    """ReLUs that are zero for every case: their gradient is zero, so they cannot recover.

    A channel of a convolution is dead if it is zero at every position of every picture (Maas et al.
    2013, ICML workshop; TheDeepChecker). Not reported for a network that learns all the same.
    """
    layer = _worst(m, "dead")
    if layer is None or layer.dead < MAX_DEAD or m.is_learning:
        return None
    return _figures(layer, layer.dead)


def saturated_units(m: Measurements) -> Figures | None:
    """Sigmoids and tanhs near their limits, where the derivative and so the gradient is near zero.

    Not reported for a trained network that learns: saturation is then part of its answers (Glorot
    and Bengio 2010, AISTATS; Rakitianskaia and Engelbrecht 2015, IEEE SSCI; TheDeepChecker).
    """
    layer = _worst(m, "saturated")
    if layer is None or layer.saturated < MAX_UNITS or (m.batches and m.is_learning):
        return None
    return _figures(layer, layer.saturated)


def vanishing_gradient(m: Measurements) -> Figures | None:
    """A gradient that becomes tiny on its way back to the first layer (Hochreiter 1991).

    By AUTOTRAINER's two thresholds. Not reported for a network that learns: after a successful
    training all gradients are small.
    """
    norms = _gradients(m)
    if len(norms) < 2 or m.is_learning:
        return None
    (first, first_norm), (last, last_norm) = norms[0], norms[-1]
    if first_norm >= VANISHING_RATIO * last_norm or first_norm >= VANISHING_NORM:
        return None
    return {"first": first.number, "last": last.number, "low": first_norm, "high": last_norm}


def exploding_gradient(m: Measurements) -> Figures | None:
    """An error signal that grows from layer to layer on its way back (Pascanu et al. 2013, ICML).

    By AUTOTRAINER's threshold, applied to dC/da of the hidden layers. With weights that are too
    large, activations grow forward as the signal grows backward, so the gradient of the weights,
    the product of the two, is the same everywhere and shows nothing.
    """
    signals = [layer for layer in m.layers[:-1] if layer.gradient is not None]
    if len(signals) < 3 or m.is_learning:
        return None
    first, last = signals[0], signals[-1]
    if not first.signal > EXPLODING_RATIO * last.signal:
        return None
    return {"first": first.number, "last": last.number, "high": first.signal, "low": last.signal}


def ignored_inputs(m: Measurements) -> Figures | None:
    """Outputs that do not depend on the case (Karpathy 2019, "A Recipe for Training Neural
    Networks": input-independent baseline; TheDeepChecker). Untrained networks with small weights
    may start like this if training changes it.
    """
    if m.response >= MIN_RESPONSE or (m.batches == 0 and m.is_learning):
        return None
    return {"response": m.response}


def initial_cost(m: Measurements) -> Figures | None:
    """An untrained network whose cost is far above that of chance: it is confidently wrong, and has
    to unlearn that first (Karpathy 2019: verify loss @ init; TheDeepChecker).
    """
    if m.batches or m.cost <= MAX_INITIAL_COST * m.chance:
        return None
    return {"cost": m.cost, "chance": m.chance}


def cannot_fit(m: Measurements) -> Figures | None:
    """Sixteen cases that a copy cannot memorise, with Adam and without dropout or penalties
    (Karpathy 2019: overfit one batch; TheDeepChecker's mislabeled_rate_max_thresh allows 5 % wrong:
    none of 16).
    """
    if m.fitted == 1:
        return None
    return {"fitted": m.fitted}


def _worst(m: Measurements, kind: str) -> LayerFacts | None:
    """The hidden layer with the largest fraction of units of a kind."""
    return max(m.layers[:-1], key=lambda layer: float(getattr(layer, kind)), default=None)


def _figures(layer: LayerFacts, fraction: float) -> Figures:
    return {
        "layer": layer.number,
        "text": layer.text,
        "count": round(fraction * layer.units),
        "units": layer.units,
        "activation": layer.activation,
    }


def _gradients(m: Measurements) -> list[tuple[LayerFacts, float]]:
    """The layers with weights, each with the norm of its gradient."""
    return [(layer, layer.gradient) for layer in m.layers if layer.gradient is not None]
