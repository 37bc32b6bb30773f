"""digitnet: build, train, question and keep neural networks that read handwritten digits."""

__version__ = "0.1.0"
