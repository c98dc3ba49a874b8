"""The errors a user can mend."""


class UserError(Exception):
    """Bad input, told in one line: the argument or file, the value, and the remedy.

    The command line prints the message alone and exits with status 1; a traceback would hide it.
    """


def one_line(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())
