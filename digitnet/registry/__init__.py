"""Named networks on disk, as pickles that any Python can read and whose content is not trusted."""
