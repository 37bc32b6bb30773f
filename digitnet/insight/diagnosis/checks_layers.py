"""Checks of the layers: signals that die on their way forward, or gradients on their way back.

Each takes the measurements and gives the figures that show its fault, or None.
"""

from digitnet.insight.diagnosis.finding import Figures
from digitnet.insight.diagnosis.measurements import LayerFacts, Measurements

HALF = 0.5
"""The share of a layer's units that are saturated or alike from which it is a fault:
neurons_ratio_max_thresh in TheDeepChecker's settings."""
MOST_DEAD = 0.7
"""The same for dead units: AUTOTRAINER's γ. In small layers half may be dead, and no harm done."""
VANISHING_RATIO, VANISHING_NORM = 1e-3, 1e-4
EXPLODING_RATIO = 70
"""AUTOTRAINER's β₁, β₂ and β₃ (Zhang et al. 2021, ICSE; `gradient_issue` in its monitor.py): the
norm of the gradient of the first layer's weights, as part of the last one's, and by itself."""
LEAST_RESPONSE = 1e-3
"""outputs_var_coef_thresh in TheDeepChecker's settings, for the weighted sums of the outputs."""
MOST_INITIAL_COST = 2.0
"""Times the cost of chance: dev_ratio of 1.0 in TheDeepChecker's settings."""


def symmetric_weights(m: Measurements) -> Figures | None:
    """Units of a hidden layer with the same weights: they stay the same for ever, because they
    also have the same gradient (Goodfellow et al. 2016, "Deep Learning", section 8.4).
    """
    layer = _worst(m, "alike")
    if layer is None or layer.alike < HALF:
        return None
    return _figures(layer, layer.alike)


def dead_relus(m: Measurements) -> Figures | None:
    """ReLUs that no case switches on: no gradient ever comes through to switch them on again.

    Where the network learns without them, they are missed by nobody.

    A channel of a convolution is dead where it is off at every place of every picture (Maas et al.
    2013, ICML workshop; TheDeepChecker).
    """
    layer = _worst(m, "dead")
    if layer is None or layer.dead < MOST_DEAD or m.does_well:
        return None
    return _figures(layer, layer.dead)


def saturated_units(m: Measurements) -> Figures | None:
    """Sigmoids at their ends, where the derivative is near zero and so is the gradient.

    Where training has brought them there and the network learns, they say yes and no for good
    reasons (Glorot and Bengio 2010, AISTATS; Rakitianskaia and Engelbrecht 2015, IEEE SSCI;
    TheDeepChecker).
    """
    layer = _worst(m, "saturated")
    if layer is None or layer.saturated < HALF or (m.batches and m.does_well):
        return None
    return _figures(layer, layer.saturated)


def vanishing_gradient(m: Measurements) -> Figures | None:
    """A gradient that all but dies on its way down to the first layer (Hochreiter 1991).

    By AUTOTRAINER's two thresholds. At the end of a training that went well all gradients are
    small, which is as it should be.
    """
    norms = _gradients(m)
    if len(norms) < 2 or m.does_well:
        return None
    (first, first_norm), (last, last_norm) = norms[0], norms[-1]
    if first_norm >= VANISHING_RATIO * last_norm or first_norm >= VANISHING_NORM:
        return None
    return {"first": first.number, "last": last.number, "low": first_norm, "high": last_norm}


def exploding_gradient(m: Measurements) -> Figures | None:
    """An error signal that grows from layer to layer on its way down (Pascanu et al. 2013, ICML).

    By AUTOTRAINER's threshold, for dC/da of the hidden layers: where weights are too large, the
    activations grow upwards as the signal does downwards, and the gradient of the weights, which is
    the product of the two, is everywhere the same.
    """
    signals = [layer for layer in m.layers[:-1] if layer.gradient is not None]
    if len(signals) < 3 or m.does_well:
        return None
    first, last = signals[0], signals[-1]
    if not first.signal > EXPLODING_RATIO * last.signal:
        return None
    return {"first": first.number, "last": last.number, "high": first.signal, "low": last.signal}


def ignored_inputs(m: Measurements) -> Figures | None:
    """Outputs whose weighted sums are the same whatever the case (Karpathy 2019, "A Recipe for
    Training Neural Networks": input-independent baseline; TheDeepChecker). Outputs may well start
    so, with small weights, as long as training changes that.
    """
    if m.response >= LEAST_RESPONSE or (m.batches == 0 and m.does_well):
        return None
    return {"response": m.response}


def initial_cost(m: Measurements) -> Figures | None:
    """A fresh network that costs much more than one that knows nothing: it is sure, and wrong, and
    must unlearn that first (Karpathy 2019: verify loss @ init; TheDeepChecker).
    """
    if m.batches or m.cost <= MOST_INITIAL_COST * m.chance:
        return None
    return {"cost": m.cost, "chance": m.chance}


def cannot_fit(m: Measurements) -> Figures | None:
    """Sixteen cases that a copy cannot learn by heart, with an optimiser that forgives much and
    nothing that holds it back (Karpathy 2019: overfit one batch; TheDeepChecker's
    mislabeled_rate_max_thresh allows 5 % wrong: none of 16).
    """
    if m.fitted == 1:
        return None
    return {"fitted": m.fitted}


def _worst(m: Measurements, kind: str) -> LayerFacts | None:
    """The hidden layer with the largest share of units of a kind."""
    return max(m.layers[:-1], key=lambda layer: float(getattr(layer, kind)), default=None)


def _figures(layer: LayerFacts, share: float) -> Figures:
    return {
        "layer": layer.number,
        "text": layer.text,
        "count": round(share * layer.units),
        "units": layer.units,
        "activation": layer.activation,
    }


def _gradients(m: Measurements) -> list[tuple[LayerFacts, float]]:
    """The layers with weights, each with the norm of its gradient."""
    return [(layer, layer.gradient) for layer in m.layers if layer.gradient is not None]
