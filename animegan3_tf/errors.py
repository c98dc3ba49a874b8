"""The errors a user can mend."""


class UserError(Exception):
    """Bad input, told in one line: the argument or file, the value, and the remedy.

    The command line prints the message alone and exits with status 1; a traceback would hide it.
    """
