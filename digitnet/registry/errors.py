"""What can go wrong with saves, in words for the person at the prompt."""


class DamagedSave(Exception):
    """A file that is not a whole, valid save; the message says what is wrong with it."""


class NewerFormat(DamagedSave):
    """A whole save in a format that only a newer digitnet reads."""


class RegistryError(Exception):
    """Something that could not be done with the saves: what, why, and what was kept."""
