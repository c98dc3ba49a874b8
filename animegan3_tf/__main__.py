"""The program: `animegan3`, or `python -m animegan3_tf`."""

import signal
import sys


def start() -> None:
    """Loads and runs the command line; whenever Ctrl-C comes, there is no traceback."""
    try:
        from animegan3_tf.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as cli.INTERRUPTED, which may not be loaded yet
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # another Ctrl-C ends what is ending, and says nothing


if __name__ == "__main__":
    start()
