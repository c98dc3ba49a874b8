"""Training images with their targets in TFRecord shards: `prepare --shards` writes them, and `train` reads them.

Shard i of n holds the i-th slice of the folder's images in the order of `find_images`, so that the same images give
the same bytes wherever and in whatever order the shards are made, and training sees them in the folder's order.
One shard is one task, from reading the first source to the last record: images never travel between processes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.data.ledger import not_writable, tool_versions
from animegan3_tf.data.pool import in_processes
from animegan3_tf.data.prepare import source_images
from animegan3_tf.data.shard_folder import PICTURE, SUMMARY, ShardIndex, read_json, shard_files, write_summary
from animegan3_tf.data.shard_writer import ShardTask, is_current, write_shard
from animegan3_tf.data.targets import Stage, style_targets, working_picture
from animegan3_tf.errors import UserError
from animegan3_tf.files import remove_leftovers
from animegan3_tf.images import DEFAULT_MAX_PIXELS, quote
from animegan3_tf.styles import Style

IMAGES_A_SHARD = 128  # one worker's task, and the work that is lost when a run is killed

Engine = Callable[[Sequence[ShardTask]], Generator[ShardTask, None, None]]


@dataclass(frozen=True)
class ShardReport:
    """How a run ended.

    Attributes:
        written: How many images the shards hold that were written.
        current: How many images the shards hold that were up to date.
        rejected: {source: reason} of the images that are in no shard.
    """

    written: int
    current: int
    rejected: dict[Path, str]


def style_shards(style: Style, photos: Path, anime: Path, out: Path) -> dict[Path, list[Stage]]:
    """Plans the shards for training a style.

    Args:
        style: The style.
        photos: Folder of the photos.
        anime: Folder of the anime images.
        out: Where the folders of shards go; `train` then takes it for a data folder.

    Returns:
        {folder of shards: the stages of its records}, for `prepare_shards`.
    """
    *of_photos, of_anime = style_targets(style, photos, anime)
    sides = {"sides": of_anime.parameters["sides"]}
    balance = {key: value for key, value in of_anime.parameters.items() if key == "balance"}

    def stages(source: Path, folder: Path, parameters: dict, targets: list[Stage]) -> list[Stage]:
        return [Stage(PICTURE, Path(source), folder, working_picture, parameters), *targets]

    of_style = out / style.name / "style"
    return {
        out / "photo": stages(photos, out / "photo", sides, of_photos),
        of_style: stages(anime, of_style, {**sides, **balance}, [of_anime]),
    }


def on_this_machine(jobs: int) -> Engine:
    """Makes the engine that runs `jobs` processes on this machine; raises `UserError` unless there is at least one."""
    if jobs < 1:
        raise UserError(f"jobs is {jobs}; give at least 1")
    return lambda tasks: (task for task, _ in in_processes(write_shard, tasks, jobs))


def prepare_shards(
    folders: dict[Path, Sequence[Stage]],
    engine: Engine | None = None,
    images_a_shard: int = IMAGES_A_SHARD,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> ShardReport:
    """Writes the shards that are missing or out of date, then declares each folder complete.

    A run that ended early goes on from the shards that it finished.

    Args:
        folders: {folder of shards: stages, all of one source}.
        engine: Calls `write_shard` on each task and yields it when that is done; by default in this process. See
            `on_this_machine` and `beam.on_beam`.
        images_a_shard: How many images a shard holds.
        on_progress: Called as (done, total, shard) after each shard, with numbers of images.
        max_pixels: Images with more are rejected.

    Returns:
        How many images were written, and the sources that cannot be used.

    Raises:
        UserError: A shard cannot be written, or a folder holds files that are not ours.
    """
    if images_a_shard < 1:
        raise UserError(f"a shard is to hold {images_a_shard} pictures; give at least 1")
    plans = [_tasks(out, tuple(stages), images_a_shard, max_pixels) for out, stages in folders.items()]
    for tasks in plans:
        _check_place(tasks[0])
    todo = [task for tasks in plans for task in _begin(tasks)]
    total = sum(len(task.names) for tasks in plans for task in tasks)
    done = total - sum(len(task.names) for task in todo)
    with contextlib.closing((engine or on_this_machine(1))(todo)) as finished:
        for task in finished:
            done += len(task.names)
            if on_progress:
                on_progress(done, total, task.path.name)
    rejected: dict[Path, str] = {}
    images = 0
    for tasks in plans:
        count, reasons = _finish(tasks)
        rejected.update(reasons)
        images += count
    written = sum(len(read_json(task.book, task.out)["names"]) for task in todo)
    return ShardReport(written, images - written, rejected)


def _tasks(out: Path, stages: tuple[Stage, ...], size: int, max_pixels: int) -> list[ShardTask]:
    names = list(source_images(stages[0]))
    total = -(-len(names) // size)
    return [
        ShardTask(out, i, total, stages[0].source, tuple(names[i * size : (i + 1) * size]), stages, max_pixels)
        for i in range(total)
    ]


def _check_place(task: ShardTask) -> None:
    """Refuses a folder that holds other files: shards must not lie among images, nor replace files of others."""
    if task.out.is_dir():
        ours = {task.out / SUMMARY, *shard_files(task.out)}
        others = sorted(path.name for path in task.out.iterdir() if path not in ours and not path.name.startswith("."))
        if others:
            raise UserError(
                f"shards would go to {quote(task.out)}, where {others[0]!r} lies; name an empty folder with --shards"
            )


def _begin(tasks: list[ShardTask]) -> list[ShardTask]:
    """Finds the shards of a folder that must be written; until `_finish` the folder is not complete."""
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
    """Declares a folder complete; returns the number of its images, and the rejected sources with the reasons."""
    out, source = tasks[0].out, tasks[0].source
    books = [read_json(task.book, out) for task in tasks]
    rejected = {name: reason for book in books for name, reason in book["rejected"].items()}
    stages = {stage.name: stage.parameters for stage in tasks[0].stages}
    about = {"stages": stages, "made_by": tool_versions(), "rejected": rejected}
    images = sum(len(book["names"]) for book in books)
    try:
        write_summary(out, len(tasks), images, about)
    except OSError as error:
        raise not_writable(out / SUMMARY, error) from None
    ShardIndex(out)  # as `train` will open it
    return images, {source / name: reason for name, reason in rejected.items()}
