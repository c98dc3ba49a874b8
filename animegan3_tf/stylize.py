"""Photos and folders -> anime: loads a generator from whatever file holds it, and runs pictures through it.

TensorFlow is imported when a model is loaded, not before.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError
from animegan3_tf.images import quote

MIN_SIDE = 16
_MULTIPLE = 8  # the generator halves its input three times
_AHEAD = 4  # pictures read before, and written behind, the one in the model: what bounds memory
_RESULT_SUFFIX = {".heic": ".jpg", ".heif": ".jpg", ".bmp": ".png", ".tif": ".png", ".tiff": ".png"}
_ACCEPTED = "a run folder (with generator.h5), a weights file (.h5), a SavedModel folder or a .tflite file"


@dataclass(frozen=True)
class Stylizer:
    """A callable, uint8 RGB [H, W, 3] -> the same size in anime style.

    forward: float32 [1, H, W, 3] in [-1, 1] -> the same; H and W are multiples of 8, or `fixed_size`.
    fixed_size: (H, W) of a model that takes no other: a larger photo is reduced to fit and its result enlarged again.
    warning: one line that the user should see before the run, or None.
    exhausted: what `forward` raises when memory runs out.
    """

    forward: Callable[[np.ndarray], np.ndarray]
    fixed_size: tuple[int, int] | None = None
    warning: str | None = None
    exhausted: tuple[type[Exception], ...] = (MemoryError,)

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Stylises one picture of any size from 16x16."""
        height, width = rgb.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise UserError(f"{width}x{height} pixels are too few to stylise; {MIN_SIDE}x{MIN_SIDE} is the least")
        padded = self.fixed_size or (height + -height % _MULTIPLE, width + -width % _MULTIPLE)
        scale = min(1.0, padded[0] / height, padded[1] / width)  # never enlarged: padding fills a small photo up
        fitted = images.resize(rgb, (max(1, round(height * scale)), max(1, round(width * scale))))
        rows, columns = fitted.shape[:2]
        margins = ((0, padded[0] - rows), (0, padded[1] - columns), (0, 0))
        photo = np.pad(fitted, margins, mode="reflect")[None].astype(np.float32) / 127.5 - 1.0
        try:
            anime = self.forward(photo)
        except self.exhausted:
            raise UserError(f"{width}x{height} pixels do not fit in memory; reduce the photo") from None
        if anime.shape != photo.shape or not np.isfinite(anime).all():
            raise UserError(f"the model gave no picture for {width}x{height} pixels; its weights or export are broken")
        anime = np.rint((anime[0, :rows, :columns] + 1.0) * 127.5).clip(0, 255).astype(np.uint8)
        return images.resize(anime, (height, width))


@dataclass(frozen=True)
class Report:
    """What a run did: how many pictures were written, and (photo, one line of reason) for each that was not."""

    written: int
    failures: tuple[tuple[Path, str], ...]


def load_stylizer(model: str | os.PathLike) -> Stylizer:
    """Loads a run folder (its generator.h5), a weights file (.h5), a SavedModel folder or a .tflite file."""
    path = Path(model)
    if not os.path.exists(path):
        raise UserError(f"model {quote(path)} does not exist; name {_ACCEPTED}")
    import tensorflow as tf

    if os.path.isfile(path / "generator.h5"):
        path = path / "generator.h5"
    if os.path.isfile(path / "saved_model.pb"):
        forward, size = _from_saved_model(path)
    elif os.path.isfile(path) and path.suffix.lower() == ".h5":
        forward, size = _from_weights(path)
    elif os.path.isfile(path) and path.suffix.lower() == ".tflite":
        forward, size = _from_tflite(path)
    else:
        raise UserError(f"model {quote(path)} is none that can be read; name {_ACCEPTED}")
    warning = size and (
        f"model {quote(path)} takes {size[1]}x{size[0]} pixels only: larger photos are reduced to fit and the results "
        "enlarged again, which blurs them; a dynamic-size export or the weights avoid that"
    )
    return Stylizer(forward, size, warning, (MemoryError, tf.errors.ResourceExhaustedError))


def stylize_files(
    inputs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    stylizer: Callable[[np.ndarray], np.ndarray],
    *,
    max_pixels: int = images.DEFAULT_MAX_PIXELS,
    suffix: str | None = None,
    overwrite: bool = False,
    on_progress: Callable[[int, int, Path, str | None], None] | None = None,
) -> Report:
    """Stylises files and folders into the folder `output`; a picture that fails is reported and the rest goes on.

    output: a folder, made if missing. For exactly one input file it may be a picture file instead.
    suffix: format of the results, such as ".png"; by default the photo's own (BMP and TIFF become PNG, HEIC JPEG).
    overwrite: lets a result replace its own photo; otherwise that is refused before anything is written. Other files
        that stand where a result goes, such as an earlier run's, are replaced.
    on_progress: called as (done, total, photo, error or None) after each picture, in this thread and the inputs' order.

    Below an input folder the tree is kept; with several inputs each folder's name is its first level. Photos whose
    results would have one name are told apart: `a.png`, `a-2.png`. Alpha is put back.
    """
    jobs, unlisted = _plan([Path(path) for path in inputs], Path(output), suffix, overwrite)
    outcomes = itertools.chain(unlisted, _run(jobs, stylizer, max_pixels))
    total = len(unlisted) + len(jobs)
    failures = []
    for done, (photo, error) in enumerate(outcomes, start=1):
        if error is not None:
            failures.append((photo, error))
        if on_progress is not None:
            on_progress(done, total, photo, error)
    return Report(written=total - len(failures), failures=tuple(failures))


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

    photos, unlisted = _collect(inputs, output)
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


def _collect(inputs: Sequence[Path], output: Path) -> tuple[dict[Path, Path], list[tuple[Path, str]]]:
    """Each photo once, with its path below the output folder; and (folder, error) for folders that cannot be listed."""
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


def _from_weights(path: Path) -> tuple[Callable, tuple[int, int] | None]:
    import tensorflow as tf

    from animegan3_tf.networks.weights import load_generator

    generator = load_generator(path)
    # One signature for every size: without it each new size would trace the network again.
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
    forward = tf.function(lambda photo: generator(photo, training=False), input_signature=signature)
    return lambda photo: forward(photo).numpy(), None


def _from_saved_model(path: Path) -> tuple[Callable, tuple[int, int] | None]:
    import tensorflow as tf

    try:
        model = tf.saved_model.load(str(path))
        signature = model.signatures["serving_default"]
        source = signature.structured_input_signature[1]["photo"]
        signature.structured_outputs["anime"]
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise _unfit(path, f"a SavedModel with signature 'serving_default' from 'photo' to 'anime': {error}") from None

    def forward(photo: np.ndarray, model: object = model) -> np.ndarray:  # holds the model: a signature does not
        return signature(photo=tf.constant(photo))["anime"].numpy()

    return forward, _fixed_size(path, source.shape.as_list(), source.dtype.as_numpy_dtype)


def _from_tflite(path: Path) -> tuple[Callable, tuple[int, int] | None]:
    import tensorflow as tf

    try:
        interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())
        interpreter.allocate_tensors()
        (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    except (ValueError, RuntimeError) as error:
        raise _unfit(path, f"a TFLite model from one tensor to one: {error}") from None

    def forward(photo: np.ndarray) -> np.ndarray:
        if tuple(interpreter.get_input_details()[0]["shape"]) != photo.shape:
            interpreter.resize_tensor_input(source["index"], photo.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(source["index"], photo)
        interpreter.invoke()
        return interpreter.get_tensor(result["index"])

    # Only sizes marked as open may change: a fixed graph has its sizes baked into constants, and may err in silence.
    shape = [None if side < 0 else int(side) for side in source["shape_signature"]]
    return forward, _fixed_size(path, shape, source["dtype"])


def _fixed_size(path: Path, shape: Sequence[int | None], dtype: type) -> tuple[int, int] | None:
    """None when height and width are open; refuses what is not float32 [1 or open, H, W, 3]."""
    fits = dtype == np.float32 and len(shape) == 4 and shape[0] in (1, None) and shape[3] == 3
    if not fits or (shape[1] is None) != (shape[2] is None):
        raise _unfit(path, f"float32 [1, H, W, 3], but takes {np.dtype(dtype).name} {list(shape)}")
    return None if shape[1] is None else (shape[1], shape[2])


def _unfit(path: Path, why: str) -> UserError:
    return UserError(f"model {quote(path)} is not {' '.join(why.split())}; export it again")
