"""Exceptions for saves, with messages for the user."""


class DamagedSave(Exception):
    """A file that is not a complete, valid save; the message says what is wrong with it."""


class NewerFormat(DamagedSave):
    """An undamaged save in a format that only a newer digitnet reads."""


class RegistryError(Exception):
    """A failed operation on saves; the message says what failed, why, and what was kept."""
