"""The mathematics: arrays in, arrays out, without files or a terminal.

To read it, begin with what a network is, and skip what makes it fast:

1. `arrays.py`, `layers.py`: a layer with its activation, forward and backward.
2. `network.py`: a loop over layers, and a cost. `shapes.py` builds one from text; `gradcheck.py`
   checks it.
3. `settings.py`, `optimizers.py`, `schedules.py`: what a gradient does to the weights.
4. `trainer.py`: one mini-batch, and which; `evaluate.py`: how good it has become;
   `run.py`: many mini-batches; `report.py`: how it says what it did and is asked to stop;
   `minimize.py`: all cases at once.
5. `pictures.py`: convolution and pooling; `augment.py`: deformed pictures.
6. `speed/`: how the sums of these are computed in less time.
"""
