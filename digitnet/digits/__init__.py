"""Where cases come from: files of handwritten digits, and a few small tables."""
