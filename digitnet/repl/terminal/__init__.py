"""The terminal: reading keys and lines, and showing results."""
