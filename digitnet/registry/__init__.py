"""Named networks on disk: pickles that any Python can read, and that nothing is trusted in."""
