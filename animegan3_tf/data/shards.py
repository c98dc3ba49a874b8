"""Training pictures with their targets in TFRecord shards: what `prepare --shards` writes and `train` reads.

Shard i of n holds the i-th slice of the folder's pictures in the order of `find_images`, so that the same pictures give
the same bytes wherever and in whatever order the shards are made, and training sees them in the folder's order.
One shard is one task, from reading the first source to the last record: pictures never travel between processes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.data.ledger import not_writable, tool_versions
from animegan3_tf.data.pool import in_processes
from animegan3_tf.data.prepare import source_pictures
from animegan3_tf.data.shard_folder import PICTURE, SUMMARY, ShardIndex, read_json, shard_files, write_summary
from animegan3_tf.data.shard_writer import ShardTask, is_current, write_shard
from animegan3_tf.data.targets import Stage, style_targets, working_picture
from animegan3_tf.errors import UserError
from animegan3_tf.files import remove_leftovers
from animegan3_tf.images import DEFAULT_MAX_PIXELS, quote
from animegan3_tf.styles import Style

PICTURES_A_SHARD = 128  # the work that is done again after a kill, and what one worker takes at once

Engine = Callable[[Sequence[ShardTask]], Iterable[ShardTask]]


@dataclass(frozen=True)
class ShardReport:
    """How a run ended: pictures in the shards written, in the shards that were current, and the sources rejected."""

    written: int
    current: int
    rejected: dict[Path, str]


def style_shards(style: Style, photos: Path, anime: Path, out: Path) -> dict[Path, list[Stage]]:
    """{folder of shards: the stages of its records} for training a style; `out` is a data folder for `train` then."""
    *of_photos, of_anime = style_targets(style, photos, anime)
    sides = {"sides": of_anime.parameters["sides"]}
    balance = {key: value for key, value in of_anime.parameters.items() if key == "balance"}

    def stages(source, folder, parameters, targets):
        return [Stage(PICTURE, Path(source), folder, working_picture, parameters), *targets]

    of_style = out / style.name / "style"
    return {
        out / "photo": stages(photos, out / "photo", sides, of_photos),
        of_style: stages(anime, of_style, {**sides, **balance}, [of_anime]),
    }


def on_this_machine(jobs: int) -> Engine:
    """The engine that needs nothing installed: `jobs` processes of this machine."""
    if jobs < 1:
        raise UserError(f"jobs is {jobs}; give at least 1")
    return lambda tasks: (task for task, _ in in_processes(write_shard, tasks, jobs))


def prepare_shards(
    folders: dict[Path, Sequence[Stage]],
    engine: Engine | None = None,
    pictures_a_shard: int = PICTURES_A_SHARD,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> ShardReport:
    """Writes the shards that are missing or out of date, then declares each folder whole.

    folders: {folder of shards: stages, all of one source}. engine: calls `write_shard` on each task and yields it when
    that is done; in this process by default, see `on_this_machine` and `beam.on_beam`. on_progress(done, total, shard)
    counts sources. Sources that cannot be used are left out and told of in the report; what cannot be written ends the
    run with `UserError`. The next run goes on from the shards that stand.
    """
    if pictures_a_shard < 1:
        raise UserError(f"there are to be {pictures_a_shard} pictures in a shard; give at least 1")
    plans = [_tasks(out, tuple(stages), pictures_a_shard, max_pixels) for out, stages in folders.items()]
    for tasks in plans:
        _check_place(tasks[0])
    todo = [task for tasks in plans for task in _begin(tasks)]
    total = sum(len(task.names) for tasks in plans for task in tasks)
    done = total - sum(len(task.names) for task in todo)
    with contextlib.closing(iter((engine or on_this_machine(1))(todo))) as finished:
        for task in finished:
            done += len(task.names)
            if on_progress:
                on_progress(done, total, task.path.name)
    rejected, pictures = {}, 0
    for tasks in plans:
        count, reasons = _finish(tasks)
        rejected.update(reasons)
        pictures += count
    written = sum(len(read_json(task.book, task.out)["names"]) for task in todo)
    return ShardReport(written, pictures - written, rejected)


def _tasks(out: Path, stages: tuple[Stage, ...], size: int, max_pixels: int) -> list[ShardTask]:
    names = list(source_pictures(stages[0]))
    total = -(-len(names) // size)
    return [
        ShardTask(out, i, total, stages[0].source, tuple(names[i * size : (i + 1) * size]), stages, max_pixels)
        for i in range(total)
    ]


def _check_place(task: ShardTask) -> None:
    """Shards go into a folder of their own: they must not be mixed with pictures, nor replace what is not ours."""
    if task.out.is_dir():
        ours = {task.out / SUMMARY, *shard_files(task.out)}
        others = sorted(path.name for path in task.out.iterdir() if path not in ours and not path.name.startswith("."))
        if others:
            raise UserError(
                f"shards would go to {quote(task.out)}, where {others[0]!r} lies; name an empty folder with --shards"
            )


def _begin(tasks: list[ShardTask]) -> list[ShardTask]:
    """The shards of a folder that are to be written; until `_finish` the folder is not whole."""
    out = tasks[0].out
    todo = [task for task in tasks if not is_current(task)]
    expected = {path for task in tasks for path in (task.path, task.book)}
    stale = [path for path in shard_files(out) if path not in expected]  # of a run with more or fewer shards
    try:
        if out.is_dir():
            remove_leftovers(out)
        if todo or stale:
            (out / SUMMARY).unlink(missing_ok=True)
        for path in stale:
            path.unlink()
    except OSError as error:
        raise not_writable(out, error) from None
    return todo


def _finish(tasks: list[ShardTask]) -> tuple[int, dict[Path, str]]:
    """Declares a folder whole; returns the number of its pictures, and the rejected sources with the reasons."""
    out, source = tasks[0].out, tasks[0].source
    books = [read_json(task.book, out) for task in tasks]
    rejected = {name: reason for book in books for name, reason in book["rejected"].items()}
    stages = {stage.name: stage.parameters for stage in tasks[0].stages}
    about = {"stages": stages, "made_by": tool_versions(), "rejected": rejected}
    pictures = sum(len(book["names"]) for book in books)
    try:
        write_summary(out, len(tasks), pictures, about)
    except OSError as error:
        raise not_writable(out / SUMMARY, error) from None
    ShardIndex(out)  # as `train` will open it
    return pictures, {source / name: reason for name, reason in rejected.items()}
