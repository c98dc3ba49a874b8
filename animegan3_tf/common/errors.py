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


def printable(text: str) -> str:
    """The text on one line, with control characters, undecodable bytes and what else cannot be seen escaped.

    Everything that is printed goes through this: names of files, and texts in them, may come from anywhere.
    """
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
