"""The machinery between the loop and the terminal: what reads keys, and what writes lines."""
