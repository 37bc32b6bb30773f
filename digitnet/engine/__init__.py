"""The mathematics: arrays in, arrays out, without files or a terminal.

To read it, begin with what a network is, and skip what makes it fast:

1. `layers/base.py` and `layers/dense.py`: a layer, forward and backward; `activations.py`,
   `costs.py`, `initializers.py`.
2. `network.py`: a loop over layers. `shapes.py` builds one from text; `gradcheck.py` checks it.
3. `optimizers.py`, `schedules.py`, `penalties.py`: what a gradient does to the weights.
4. `trainer.py`: one mini-batch; `batches.py`: which one; `run.py`: many, until an `amount.py` is
   done; `minimize.py`: all cases at once.
5. `layers/convolution.py`, `pooling.py`, `normalization.py`, `dropout.py`; `augment.py` and
   `deform.py`.
6. `speed/`: how the sums of these are computed in less time.
"""
