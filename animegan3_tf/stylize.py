"""Photos and folders -> anime: plans where each result goes; then reads, stylises and writes side by side."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError
from animegan3_tf.images import quote

_AHEAD = 4  # pictures read before, and written behind, the one in the model: what bounds memory
_RESULT_SUFFIX = {".heic": ".jpg", ".heif": ".jpg", ".bmp": ".png", ".tif": ".png", ".tiff": ".png"}


@dataclass(frozen=True)
class Report:
    """What a run did: how many pictures were written, and (photo, one line of reason) for each that was not."""

    written: int
    failures: tuple[tuple[Path, str], ...]


def stylize_files(
    inputs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    stylizer: Callable[[np.ndarray], np.ndarray],
    *,
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
    suffix: str | None = None,
    overwrite: bool = False,
    skip: Container[Path] = (),
    on_progress: Callable[[int, int, Path, str | None], None] | None = None,
) -> Report:
    """Stylises files and folders into the folder `output`; a picture that fails is reported and the rest goes on.

    output: a folder, made if missing. For exactly one input file it may be a picture file instead.
    suffix: format of the results, such as ".png"; by default the photo's own (BMP and TIFF become PNG, HEIC JPEG).
    overwrite: lets a result replace its own photo; otherwise that is refused before anything is written. Other files
        that stand where a result goes, such as an earlier run's, are replaced.
    skip: photos that need no result; they are not counted either.
    on_progress: called as (done, total, photo, error or None) after each picture, in this thread and the inputs' order.

    Below an input folder the tree is kept; with several inputs each folder's name is its first level. Photos whose
    results would have one name are told apart: `a.png`, `a-2.png`. Alpha is put back.
    """
    jobs, unlisted = _plan([Path(path) for path in inputs], Path(output), suffix, overwrite)
    jobs = [(photo, target) for photo, target in jobs if photo not in skip]
    outcomes = itertools.chain(unlisted, _run(jobs, stylizer, max_pixels))
    total = len(unlisted) + len(jobs)
    failures = []
    for done, (photo, error) in enumerate(outcomes, start=1):
        if error is not None:
            failures.append((photo, error))
        if on_progress is not None:
            on_progress(done, total, photo, error)
    return Report(written=total - len(failures), failures=tuple(failures))


def plan_results(photos: str | os.PathLike, output: str | os.PathLike, suffix: str) -> dict[Path, Path]:
    """{photo: where `stylize_files` puts its result} for a folder of photos; nothing is written."""
    return dict(_plan([Path(photos)], Path(output), suffix, overwrite=False)[0])


def _plan(
    inputs: Sequence[Path], output: Path, suffix: str | None, overwrite: bool
) -> tuple[list[tuple[Path, Path]], list[tuple[Path, str]]]:
    """What to read and where each result goes: (photo, target) pairs; and (folder, error) for folders not listed."""
    suffix = suffix and "." + suffix.lower().lstrip(".")
    names_file = output.suffix.lower() in images.IMAGE_SUFFIXES and not os.path.isdir(output)
    if names_file and (len(inputs) != 1 or os.path.isdir(inputs[0])):
        raise UserError(f"output {quote(output)} names one picture, but there may be several results; name a folder")
    ending = output.suffix.lower() if names_file else suffix
    if ending and ending not in images.WRITE_FORMATS:
        raise UserError(f"format {ending!r} cannot be written; use one of {', '.join(images.WRITE_FORMATS)}")
    if suffix and suffix != ending:
        raise UserError(f"output {quote(output)} and format {suffix!r} differ; leave one of them out")
    if not names_file and os.path.exists(output) and not os.path.isdir(output):
        raise UserError(f"output {quote(output)} is a file; name a folder")

    photos, unlisted = collect_photos(inputs, output)
    own = {photo: _identities(photo) for photo in photos}
    everyone = set().union(*own.values())
    jobs, taken, replaced = [], set(), []
    for photo, relative in photos.items():
        kept = photo.suffix if photo.suffix.lower() in images.WRITE_FORMATS else ".png"
        ending = suffix or _RESULT_SUFFIX.get(photo.suffix.lower(), kept)
        wanted = output if names_file else output / relative.with_suffix(ending)
        for number in itertools.count(1):
            target = wanted if number == 1 else wanted.with_name(f"{wanted.stem}-{number}{wanted.suffix}")
            standing = _identities(target, links=False)
            if os.path.normcase(target) not in taken and not (standing - own[photo]) & everyone:
                break
        taken.add(os.path.normcase(target))
        jobs.append((photo, target))
        if standing & own[photo]:
            replaced.append(target)
    if replaced and not overwrite:
        more = f" (and {len(replaced) - 1:,} more)" if len(replaced) > 1 else ""
        raise UserError(f"{quote(replaced[0])}{more} would replace its own photo; name another output or --overwrite")
    return jobs, unlisted


def collect_photos(inputs: Sequence[Path], output: Path) -> tuple[dict[Path, Path], list[tuple[Path, str]]]:
    """Lists the photos of files and folders.

    Args:
        inputs: Photos, and folders that are searched with those below them.
        output: Folder of the results; what lies in it is no photo.

    Returns:
        Each photo once, with its path below the output folder; and (folder, error) for folders that cannot be listed.

    Raises:
        UserError: Nothing was given, or a folder holds no images.
    """
    if not inputs:
        raise UserError("no input given; name at least one photo or folder")
    photos, unlisted, results = {}, [], Path(os.path.realpath(output))
    for item in inputs:
        found, problems, top = [item], [], None
        if os.path.isdir(item):
            found = images.find_images(item, lambda folder, error: problems.append((folder, str(error))))  # noqa: B023
            folder = Path(os.path.realpath(item))
            if folder in results.parents:  # what an earlier run left there is no photo
                found = [path for path in found if results not in Path(os.path.realpath(path)).parents]
            if not found and not problems:
                raise UserError(f"folder {quote(item)} holds no pictures; {', '.join(sorted(images.IMAGE_SUFFIXES))}")
            top = folder.name if len(inputs) > 1 else ""
        unlisted += problems
        for path in found:
            relative = Path(path.name) if top is None else Path(top, path.relative_to(item))
            photos.setdefault(os.path.abspath(path), (path, relative))
    return dict(photos.values()), unlisted


def _identities(path: Path, links: bool = True) -> set[tuple[int, int]]:
    """(device, inode) of the path, and of what it links to: seen through links, `..` and file systems without case."""
    found = set()
    for ask in (os.lstat, os.stat) if links else (os.lstat,):
        with contextlib.suppress(OSError, ValueError):  # not there: then it is nobody's
            found.add((ask(path).st_dev, ask(path).st_ino))
    return found


def _run(
    jobs: Iterable[tuple[Path, Path]], stylizer: Callable[[np.ndarray], np.ndarray], max_pixels: int
) -> Iterator[tuple[Path, str | None]]:
    """Does the jobs, yielding (photo, error or None) in order; files are read and written on threads meanwhile."""
    todo, reading, writing = iter(jobs), deque(), deque()
    with ThreadPoolExecutor(_AHEAD, thread_name_prefix="stylize") as pool:
        while True:
            for photo, target in itertools.islice(todo, _AHEAD - len(reading)):
                reading.append((photo, target, pool.submit(images.read_image, photo, max_pixels)))
            if not reading:
                break
            photo, target, picture = reading.popleft()
            writing.append((photo, _stylize_one(pool, stylizer, picture, target)))
            while writing and (len(writing) > _AHEAD or writing[0][1].done()):
                yield _outcome(*writing.popleft())
        while writing:
            yield _outcome(*writing.popleft())


def _stylize_one(pool: ThreadPoolExecutor, stylizer: Callable, picture: Future, target: Path) -> Future:
    try:
        decoded = picture.result()
        return pool.submit(images.write_image, target, stylizer(decoded.rgb), decoded.alpha)
    except UserError as error:
        failed = Future()
        failed.set_exception(error)
        return failed


def _outcome(photo: Path, written: Future) -> tuple[Path, str | None]:
    try:
        written.result()
    except images.ImageError as error:  # names its file already
        return photo, str(error)
    except UserError as error:
        return photo, f"{quote(photo)}: {error}"
    return photo, None
