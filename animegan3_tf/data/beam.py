"""Apache Beam as the engine that writes shards; the only module that knows it, imported where a runner is asked for."""

from __future__ import annotations

import contextlib
import io
import logging
import shlex
from collections.abc import Generator, Iterator, Sequence

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.workers import one_thread_each
from animegan3_tf.data.shards import Engine, ShardTask, write_shard

try:
    logging.disable(logging.WARNING)  # at import, Beam warns of every cloud library that is not there
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
    from apache_beam.runners import create_runner
except ImportError:
    beam = None  # type: ignore[assignment]  # the extra is not installed
finally:
    logging.disable(logging.NOTSET)

# Beam's own DirectRunner first fetches a program from the network, the Prism runner, and runs that. Without a network
# it falls back to this one.
_RUNNERS = {"DirectRunner": "FnApiRunner"}


def on_beam(runner: str = "DirectRunner", options: str = "") -> Engine:
    """Makes the engine that runs a Beam pipeline with one element for each shard.

    Args:
        runner: Name of a Beam runner. Its workers must all see sources and shards under the same path.
        options: Beam's pipeline options, as on a command line.

    Returns:
        The engine for `prepare_shards`.

    Raises:
        UserError: Beam is not installed, or refuses the runner or an option.
    """
    if beam is None:
        raise UserError(
            f"--runner {runner} needs Apache Beam, which needs Python 3.10 or newer: pip install "
            "'animegan3_tf[beam]'; without --runner, processes of this machine make the shards"
        )
    parsed = _parsed(options)
    try:
        engine = create_runner(_RUNNERS.get(runner, runner))
    except (ValueError, ImportError) as error:
        raise UserError(f"--runner {runner!r} cannot be used: {_last_line(error)}") from None

    def run(tasks: Sequence[ShardTask]) -> Generator[ShardTask, None, None]:
        if not tasks:  # a cluster would be started for nothing
            return
        try:
            with one_thread_each(), _without_stacks(), beam.Pipeline(engine, parsed) as pipeline:
                shards = pipeline | "Shards" >> beam.Create(tasks) | "Share out" >> beam.Reshuffle()
                shards | "Write" >> beam.Map(write_shard)
        except Exception as error:  # Beam passes on a worker's error as one text: two stacks, then its own line
            if _last_line(error).startswith("KeyboardInterrupt"):  # Ctrl-C, met by a worker in this process
                raise KeyboardInterrupt from None
            raise UserError(f"the pipeline failed on {runner}: {_last_line(error)}") from error
        yield from tasks

    return run


@contextlib.contextmanager
def _without_stacks() -> Iterator[None]:
    """Keeps Beam from printing the stack of an error in this process, which is also raised and reported in one line."""
    logger = logging.getLogger("apache_beam.runners.common")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _parsed(options: str) -> PipelineOptions:
    try:
        words = shlex.split(options)
    except ValueError as error:
        raise UserError(f"--beam-options {options!r} cannot be split into words ({error}); check the quotes") from None
    printed = io.StringIO()
    try:
        with contextlib.redirect_stderr(printed):
            parsed = PipelineOptions(words)
            parsed.get_all_options()
        return parsed
    except SystemExit:  # Beam's parser prints its two hundred options, then what is wrong
        raise UserError(
            f"--beam-options {options!r} are refused: {_last_line(printed.getvalue()).partition('error: ')[2]}"
        ) from None


def _last_line(text: object) -> str:
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[-1] if lines else type(text).__name__
