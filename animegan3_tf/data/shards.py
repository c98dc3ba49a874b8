"""Prepared images as TFRecord shards, made on this machine or by Apache Beam."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import remove_leftovers, whole_file, write_json
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, png_bytes
from animegan3_tf.common.workers import in_processes
from animegan3_tf.data import shard_folder
from animegan3_tf.data.manifest import not_writable, tool_versions
from animegan3_tf.data.prepare import PrepareReport, Record, apply_stage, open_record, source_images
from animegan3_tf.data.targets import Stage, style_targets, working_picture
from animegan3_tf.styles import Style


@dataclass(frozen=True)
class ShardTask:
    """One shard to write.

    Attributes:
        out: The folder of the shards.
        number: The shard's number, from 0.
        total: How many shards there are.
        source: The folder of the source images.
        names: The images of this shard, relative to `source`.
        stages: What each record holds: the image itself, then its targets.
        max_pixels: Images with more are rejected.
    """

    out: Path
    number: int
    total: int
    source: Path
    names: tuple[str, ...]
    stages: tuple[Stage, ...]
    max_pixels: int

    @property
    def path(self) -> Path:
        """The file of the shard."""
        return shard_folder.shard_path(self.out, self.number, self.total)

    @property
    def book(self) -> Path:
        """The JSON file that says what the shard was made from and where each record begins."""
        return self.path.with_suffix(".json")

    def read_book(self) -> dict:
        """Reads that JSON file; see `shard_folder.read_shard_json`."""
        return shard_folder.read_shard_json(self.book, self.out)


def write_shard(task: ShardTask) -> None:
    """Writes a shard, then its JSON file; the same task gives the same bytes. One image is in memory at a time.

    Sources that cannot be used are left out, and listed in the JSON file with the reason.

    Args:
        task: The shard.

    Raises:
        UserError: The shard cannot be written.
    """
    names: list[str] = []
    offsets: list[int] = []
    rejected: dict[str, str] = {}
    fingerprint = _fingerprint(task)  # before reading: sources that change meanwhile are then seen as changed next time
    try:
        with whole_file(task.path) as temporary, open(temporary, "xb") as file:
            for name in task.names:
                record = _encoded(task, name)
                if isinstance(record, str):
                    rejected[name] = record
                    continue
                names.append(name)
                offsets.append(file.tell())
                file.write(shard_folder.frame(record))
            size = file.tell()
        book = {"fingerprint": fingerprint, "bytes": size, "names": names, "offsets": offsets, "rejected": rejected}
        write_json(task.book, book)
    except OSError as error:
        raise not_writable(task.path, error) from None


def is_current(task: ShardTask) -> bool:
    """Returns whether the shard stands as recorded, made from the sources as they are now, in the same way.

    Sources that were rejected are tried again: the cause need not lie in the file, such as a missing decoder.
    """
    try:
        book = task.read_book()
        stands = task.path.stat().st_size == book["bytes"] and book["fingerprint"] == _fingerprint(task)
        return stands and all(isinstance(_encoded(task, name), str) for name in book["rejected"])
    except (UserError, OSError, KeyError):
        return False


def encode_record(record: Record) -> bytes:
    """Serializes a record.

    Args:
        record: The record.

    Returns:
        A tf.train.Example that holds the name, the source's sha256, and each made image as a PNG.
    """
    images = {stage: png_bytes(made) for stage, made in record.made.items()}
    about = {shard_folder.NAME: os.fsencode(record.name), shard_folder.SHA256: record.sha256.encode()}
    return shard_folder.example({**about, **images})


def _encoded(task: ShardTask, name: str) -> bytes | str:
    """Makes the record of one source, or returns the one-line reason why it is rejected."""
    try:
        record = open_record(task.source / name, name, task.max_pixels)
        return encode_record(functools.reduce(apply_stage, task.stages, record))
    except (UserError, OSError) as error:
        return one_line(error)


def _fingerprint(task: ShardTask) -> str:
    """Computes a digest that changes with the sources' sizes and times, and with everything made of them."""

    def state(name: str) -> tuple[int, int] | None:
        try:
            found = os.stat(task.source / name)
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns

    made_from = {
        "pictures": [[name, state(name)] for name in task.names],
        "stages": [[stage.name, stage.function_name, stage.parameters] for stage in task.stages],
        "made_by": tool_versions(),
        "max_pixels": task.max_pixels,
    }
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()


IMAGES_A_SHARD = 128  # one worker's task, and the work that is lost when a run is killed

Engine = Callable[[Sequence[ShardTask]], Generator[ShardTask, None, None]]


class ShardReport(PrepareReport):
    """How a run on shards ended: it counts the images that they hold, and rejects those that are in no shard."""


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
        return [Stage(shard_folder.PICTURE, Path(source), folder, working_picture, parameters), *targets]

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
    on_progress: Advance | None = None,
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
    with contextlib.closing((engine or on_this_machine(1))(todo)) as written_now:
        for task in written_now:
            done += len(task.names)
            if on_progress:
                on_progress(done, total, task.path.name)
    finished = [_finish(tasks) for tasks in plans]
    rejected = {source: reason for _, reasons in finished for source, reason in reasons.items()}
    written = sum(len(task.read_book()["names"]) for task in todo)
    return ShardReport(written, sum(count for count, _ in finished) - written, rejected)


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
        ours = {task.out / shard_folder.SUMMARY, *shard_folder.shard_files(task.out)}
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
    # of a run with more or fewer shards
    stale = [path for path in shard_folder.shard_files(out) if path not in expected]
    try:
        if out.is_dir():
            remove_leftovers(out)
        if todo or stale:
            (out / shard_folder.SUMMARY).unlink(missing_ok=True)
        for path in stale:
            path.unlink()
    except OSError as error:
        raise not_writable(out, error) from None
    return todo


def _finish(tasks: list[ShardTask]) -> tuple[int, dict[Path, str]]:
    """Declares a folder complete; returns the number of its images, and the rejected sources with the reasons."""
    out, source = tasks[0].out, tasks[0].source
    books = [task.read_book() for task in tasks]
    rejected = {name: reason for book in books for name, reason in book["rejected"].items()}
    stages = {stage.name: stage.parameters for stage in tasks[0].stages}
    about = {"stages": stages, "made_by": tool_versions(), "rejected": rejected}
    images = sum(len(book["names"]) for book in books)
    try:
        shard_folder.write_summary(out, len(tasks), images, about)
    except OSError as error:
        raise not_writable(out / shard_folder.SUMMARY, error) from None
    shard_folder.ShardIndex(out)  # as `train` will open it
    return images, {source / name: reason for name, reason in rejected.items()}
