"""The terminal: the prompt, keys, completion, pages, and what is printed."""

PROMPT_ROWS = 2  # rows of a screen that the prompt and its toolbar take: an answer has the others
