"""Errors that the user can correct."""


class UserError(Exception):
    """Reports bad input in one line: the argument or file, the value, and the remedy.

    The command line prints the message without a traceback and exits with status 1.
    """


def one_line(error: Exception) -> str:
    """Returns an error's message on one line."""
    return " ".join(str(error).split())
