"""The commands of `animegan3`: they turn options into values, call the library, and print the results.

TensorFlow is imported inside the commands that need it, so that `--help` answers at once.
"""

from __future__ import annotations

from animegan3_tf.common.console import say


def print_problems(*problems: str) -> None:
    """Prints problems to stderr, each on a line that begins with the program's name."""
    say(*(f"animegan3: {problem}" for problem in problems), error=True)
