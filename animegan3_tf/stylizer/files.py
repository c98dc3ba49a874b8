"""Stylises photos and folders: plans where each result goes, then reads, draws and writes in parallel."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Container, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.console import hear_parts
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.exif import NO_METADATA, Metadata
from animegan3_tf.data.results import ResultRecord, name_key, result_names

Draw = Callable[[np.ndarray], np.ndarray]  # a photo, uint8 RGB [H, W, 3] -> the same size
OnPart = Callable[[float, int, Path], None]  # called as (photos done, with a fraction; their total; the photo)
_AHEAD = 4  # images read before, and written after, the one in the model
_AT_ONCE = images.DEFAULT_MAX_PIXELS  # of all these together, which bounds memory; a larger image goes alone


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes:
        written: Number of images written.
        failures: (photo, reason in one line) for each photo without a result.
    """

    written: int
    failures: tuple[tuple[Path, str], ...]


def stylize_files(
    inputs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    stylizer: Draw,
    *,
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
    suffix: str | None = None,
    overwrite: bool = False,
    strip: bool = False,
    skip: Container[Path] = (),
    record: bool = True,
    on_progress: Callable[[int, int, Path, str | None], None] | None = None,
    on_part: OnPart | None = None,
) -> Report:
    """Stylises files and folders; a photo that fails is reported and the rest goes on.

    A disk that is full or read-only and an output folder that is removed meanwhile end the run, since no other photo
    would fare better; the folder is not made again, for its name may then lie on another disk.

    The tree below an input folder is kept. With several inputs each folder's name is the first level. `data.results`
    says how results are named; those that would have the same name even so are numbered: `a.png`, `a-2.png`. A photo's
    alpha goes into its result.

    Args:
        inputs: Photos and folders of photos.
        output: A folder, made if missing. For exactly one input file it may be an image file instead.
        stylizer: Draws a photo, uint8 RGB [H, W, 3] -> the same size.
        max_pixels: Photos with more pixels are refused.
        suffix: Format of the results, such as ".png"; by default the photo's own (BMP, TIFF, GIF and AVIF become PNG,
            HEIC JPEG).
        overwrite: Let a result replace its own photo. Other files in a result's place, such as an earlier run's, are
            always replaced.
        strip: Leave out what photos say beside their pixels: date, camera, place and resolution. Else results keep it.
        skip: Photos that need no result; they are not counted.
        record: Write into the output folder which result was drawn from which photo, see `ResultRecord`. A result that
            is an image file of its own, or replaces its own photo, is not recorded.
        on_progress: Called as (done, total, photo, error or None) after each photo, in this thread and in the order of
            the inputs.
        on_part: Called after each tile of a photo that is drawn in tiles, in this thread.

    Returns:
        What was written and what failed.

    Raises:
        UserError: The inputs, output and format do not fit together, a result would replace its own photo, or the
            output cannot be written to; nothing was written then. Or the run had to end; the message says what is done.
        KeyboardInterrupt: Ctrl-C; the message says what is done, and that is whole.
    """
    output = Path(output)
    jobs, unlisted, kept = _plan([Path(path) for path in inputs], output, suffix, overwrite)
    jobs = [(photo, target) for photo, target in jobs if photo not in skip]
    if jobs:
        try_destination(output)
    targets = dict(jobs)
    book = ResultRecord(output) if record and output not in targets.values() else None

    def note(photo: Path, target: Path) -> None:
        if book is not None and photo in kept:
            book.add(target, photo, kept[photo])

    results, total, failures = _Results(_folder_of(output), note), len(unlisted) + len(jobs), []

    def part_done(drawn: float, photo: Path) -> None:
        if on_part is not None:
            on_part(len(unlisted) + drawn, total, photo)

    try:
        with contextlib.closing(_run(jobs, stylizer, max_pixels, strip, results, part_done)) as outcomes:
            for done, (photo, error) in enumerate(itertools.chain(unlisted, outcomes), start=1):
                if error is not None:
                    failures.append((photo, error))
                if on_progress is not None:
                    on_progress(done, total, photo, error)
    except images.DestinationError as error:
        raise UserError(f"{error}; the run ended after {results.written:,} of {total:,} pictures") from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"stopped: {results.written:,} of {total:,} pictures written to {quote(output)}"
        ) from None
    if book is not None:
        book.tidy()
    return Report(written=total - len(failures), failures=tuple(failures))


def try_destination(output: str | os.PathLike) -> None:
    """Checks that results can be written to an output of `stylize_files`, and leaves nothing there.

    Args:
        output: A folder or an image file; what is missing on the way need not exist.

    Raises:
        UserError: It may not be written to, is full or read-only, or has too long a name.
    """
    output = Path(output)
    place = folder = _folder_of(output)
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        if not os.path.isdir(place):
            raise UserError(f"output {quote(output)} needs a folder in place of {quote(place)}; name another output")
        # nameless where the system can, so that a kill leaves nothing
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(_TRIED))
        missing = folder.relative_to(place).parts
        for path in (output, *(place / name for name in (*missing, output.name))):
            with contextlib.suppress(FileNotFoundError):  # a lookup tells whether a name is too long
                os.lstat(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"output {quote(output)} cannot be written to ({reason}); check permissions and free space, or name another"
        ) from None


_TRIED = 1 << 16  # bytes: about a small result


def _names_file(output: Path) -> bool:
    """Whether an output is one image, not a folder."""
    return images.names_image(output) and not os.path.isdir(output)


def _folder_of(output: Path) -> Path:
    """The folder that an output's results lie in or below."""
    return output.parent if _names_file(output) else output


def plan_results(photos: str | os.PathLike, output: str | os.PathLike, suffix: str) -> dict[Path, Path]:
    """Returns {photo: its result's path in `stylize_files`} for a folder of photos; writes nothing."""
    return dict(_plan([Path(photos)], Path(output), suffix, overwrite=False)[0])


def _plan(
    inputs: Sequence[Path], output: Path, suffix: str | None, overwrite: bool
) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]], dict[Path, Path]]:
    """Plans the work.

    Returns:
        (photo, its result's path) for each photo; (folder, error) for folders that cannot be listed; and {photo: its
        path below its folder} of those that stay beside their results.
    """
    suffix = suffix and "." + suffix.lower().lstrip(".")
    names_file = _names_file(output)
    if names_file and (len(inputs) != 1 or os.path.isdir(inputs[0])):
        raise UserError(f"output {quote(output)} names one image, but there may be several results; name a folder")
    ending = output.suffix.lower() if names_file else suffix
    if ending and ending not in images.WRITE_FORMATS:
        raise UserError(f"format {ending!r} cannot be written; use one of {', '.join(images.WRITE_FORMATS)}")
    if suffix and suffix != ending:
        raise UserError(f"output {quote(output)} does not end in the format {suffix!r}; leave one of them out")
    if not names_file and os.path.exists(output) and not os.path.isdir(output):
        raise UserError(f"output {quote(output)} is a file; name a folder")

    photos, unlisted = collect_photos(inputs, output)
    own = {photo: _identities(photo) for photo in photos}
    everyone = set().union(*own.values())
    jobs: list[tuple[Path, Path]] = []
    taken: set[str] = set()
    replaced: list[Path] = []  # results that take their own photo's place
    for photo, name in result_names(photos, suffix).items():
        wanted = output if names_file else output / name
        for number in itertools.count(1):
            target = wanted if number == 1 else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            standing = _identities(target, links=False)
            if name_key(target) not in taken and not (standing - own[photo]) & everyone:
                break
        taken.add(name_key(target))
        jobs.append((photo, target))
        if standing & own[photo]:
            replaced.append(target)
    if replaced and not overwrite:
        more = f" (and {len(replaced) - 1:,} more)" if len(replaced) > 1 else ""
        raise UserError(f"{quote(replaced[0])}{more} would replace its own photo; name another output or --overwrite")
    lost = set(replaced)
    return jobs, unlisted, {photo: photos[photo] for photo, target in jobs if target not in lost}


def collect_photos(inputs: Sequence[Path], output: Path) -> tuple[dict[Path, Path], list[tuple[Path, str]]]:
    """Lists the photos of files and folders.

    Args:
        inputs: Photos, and folders that are searched with those below them.
        output: Folder of the results; images in it are results of earlier runs, not photos.

    Returns:
        {photo: its path below the output folder}, each photo once; and (folder, error) for folders that cannot be
        listed.

    Raises:
        UserError: `inputs` is empty, or a folder holds no images.
    """
    if not inputs:
        raise UserError("no input given; name at least one photo or folder")
    photos: dict[str, tuple[Path, Path]] = {}
    unlisted: list[tuple[Path, str]] = []
    results = Path(os.path.realpath(output))
    for item in inputs:
        found, top = [item], None
        problems: list[tuple[Path, str]] = []
        if os.path.isdir(item):
            found = images.find_images(item, lambda folder, error: problems.append((folder, str(error))))  # noqa: B023
            folder = Path(os.path.realpath(item))
            if folder in results.parents:  # an earlier run's results are not photos
                found = [path for path in found if results not in Path(os.path.realpath(path)).parents]
            if not found and not problems:
                endings = ", ".join(sorted(images.IMAGE_SUFFIXES))
                raise UserError(f"folder {quote(item)} holds no images; their names end in {endings}")
            top = folder.name if len(inputs) > 1 else ""
        unlisted += problems
        for path in found:
            relative = Path(path.name) if top is None else Path(top, path.relative_to(item))
            photos.setdefault(os.path.abspath(path), (path, relative))
    return dict(photos.values()), unlisted


def _identities(path: Path, links: bool = True) -> set[tuple[int, int]]:
    """(device, inode) of a path, and of the file it links to, which links, `..` and letter case do not change."""
    found = set()
    for ask in (os.lstat, os.stat) if links else (os.lstat,):
        with contextlib.suppress(OSError, ValueError):  # no such file
            found.add((ask(path).st_dev, ask(path).st_ino))
    return found


class _Results:
    """Writes results from several threads, counts and records them, and notices that their folder was removed.

    Args:
        folder: The folder.
        record: Called as (photo, its result) after each that was written, in its thread.

    Attributes:
        written: Number of results that are there, whole.
    """

    def __init__(self, folder: Path, record: Callable[[Path, Path], None]) -> None:
        self.written = 0
        self._record = record
        self._folder, self._made, self._lock = folder, os.path.isdir(folder), threading.Lock()

    def write(self, photo: Path, target: Path, rgb: np.ndarray, alpha: np.ndarray | None, metadata: Metadata) -> None:
        """Writes one result; raises `images.ImageError`, or UserError where it cannot be recorded."""
        with self._lock:
            if self._made and not os.path.isdir(self._folder):
                raise images.DestinationError(f"output folder {quote(self._folder)} was removed or unmounted")
            with contextlib.suppress(OSError):  # which writing the image says better
                self._folder.mkdir(parents=True, exist_ok=True)
                self._made = True
        images.write_image(target, rgb, alpha, metadata=metadata)
        with self._lock:
            self.written += 1
        self._record(photo, target)


def _run(
    jobs: Iterable[tuple[Path, Path]],
    stylizer: Draw,
    max_pixels: int,
    strip: bool,
    results: _Results,
    part_done: Callable[[float, Path], None],
) -> Generator[tuple[Path, str | None], None, None]:
    """Does the jobs and yields (photo, error or None) in their order; threads read and write files meanwhile."""
    todo = ((photo, target, _pixels(photo, max_pixels)) for photo, target in jobs)
    coming = next(todo, None)
    numbers = itertools.count()
    reading: deque[tuple[Path, Path, int, Future[images.DecodedImage]]] = deque()
    writing: deque[tuple[Path, int, Future[None]]] = deque()
    held = 0  # pixels of the images in `reading` and `writing`
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="stylize") as pool:
        try:
            while coming or reading or writing:
                while coming and len(reading) < _AHEAD and (not held or held + coming[2] <= _AT_ONCE):
                    photo, target, pixels = coming
                    held += pixels
                    reading.append((photo, target, pixels, pool.submit(images.read_image, photo, max_pixels)))
                    coming = next(todo, None)
                wait = not reading
                if reading:
                    photo, target, pixels, image = reading.popleft()
                    write = functools.partial(results.write, photo, target)
                    with hear_parts(functools.partial(_tell_part, part_done, next(numbers), photo)):
                        writing.append((photo, pixels, _stylize_one(pool, stylizer, image, write, strip)))
                    del image  # it holds the photo
                while writing and (wait or len(writing) > _AHEAD or writing[0][2].done()):
                    photo, pixels, written = writing.popleft()
                    held, wait = held - pixels, False
                    yield _outcome(photo, written)
        finally:  # interrupted: what is drawn is still written, the rest is not even read
            for *_, image in reading:
                image.cancel()


def _pixels(photo: Path, max_pixels: int) -> int:
    """A photo's pixels by its header; 0 where it cannot be read, which `read_image` reports."""
    try:
        height, width = images.image_size(photo, max_pixels)
    except images.ImageError:
        return 0
    return height * width


def _tell_part(part_done: Callable[[float, Path], None], before: int, photo: Path, part: int, parts: int) -> None:
    part_done(before + part / parts, photo)


def _stylize_one(
    pool: ThreadPoolExecutor,
    stylizer: Draw,
    image: Future[images.DecodedImage],
    write: Callable[[np.ndarray, np.ndarray | None, Metadata], None],
    strip: bool,
) -> Future[None]:
    """Draws a photo that was read, and starts the writing of the result."""
    try:
        decoded = image.result()
        drawing, kept = stylizer(decoded.filled()), NO_METADATA if strip else decoded.metadata
        return pool.submit(write, drawing, decoded.alpha, kept)
    except UserError as error:
        failed: Future[None] = Future()
        failed.set_exception(error)
        return failed


def _outcome(photo: Path, written: Future[None]) -> tuple[Path, str | None]:
    """Waits for a result: the photo, and the error that ended its work or None."""
    try:
        written.result()
    except images.DestinationError:  # the next photo's result would meet it too
        raise
    except images.ImageError as error:  # names its file already
        return photo, str(error)
    except UserError as error:
        return photo, f"{quote(photo)}: {error}"
    return photo, None
