"""Studies: the same training many times over, with some settings changed, side by side."""
