"""Errors that the user can correct, and how they name files."""

from __future__ import annotations

import os


class UserError(Exception):
    """Reports bad input in one line: the argument or file, the value, and the remedy.

    The command line prints the message without a traceback and exits with status 1.
    """


def one_line(error: Exception) -> str:
    """Returns an error's message on one line."""
    return " ".join(str(error).split())


def first_line(error: Exception) -> str:
    """Returns the first line of an error's message; the error's type where it has no message."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def quote(path: str | os.PathLike) -> str:
    """The path in quotes, with control characters and undecodable bytes escaped so that it fits on one line."""
    return repr(os.fsdecode(path))
