"""Generated images: drawn by a model or given, and paired with their photos."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import animegan3_tf
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, read_json_lines, remove_leftovers, sha256_of, whole_file
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, find_images, images_by_stem
from animegan3_tf.data.manifest import Entry, Format, Manifest, not_writable, remove
from animegan3_tf.stylizer.files import Report, stylize_files
from animegan3_tf.stylizer.model import load_stylizer

_ASPECT = 0.05  # log ratio: methods pad or round sides to multiples of 8 or 32; more is another image


def images_by_name(folder: StrPath, what: str) -> dict[str, Path]:
    """Finds the images of a folder by name.

    Args:
        folder: The folder.
        what: The name of the folder in errors.

    Returns:
        {path below the folder, without suffix and with forward slashes: file}.

    Raises:
        UserError: Two images have one name.
    """

    def clash(name: str, first: Path, second: Path) -> str:
        return f"{what} has two pictures named {name!r} ({first.suffix}, {second.suffix}); remove one"

    return images_by_stem(folder, clash)


def same_aspect(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes (height, width) have aspect ratios that differ by 5 % at most."""
    return abs(math.log(first[1] / first[0] * second[0] / second[1])) <= _ASPECT


def pair_images(
    generated: Sequence[Path], folder: Path, photos: Sequence[Path], photo_folder: Path
) -> dict[Path, Path]:
    """Matches generated images to photos by their paths below their folders, without suffixes.

    Args:
        generated: The generated images.
        folder: Their folder.
        photos: The photos. Where several differ only in the suffix, the one with the image's own suffix is taken, or
            else the first.
        photo_folder: Their folder.

    Returns:
        {generated image: its photo}, without images that have no photo.
    """
    by_name: dict[Path, list[Path]] = {}
    for photo in photos:
        by_name.setdefault(photo.relative_to(photo_folder).with_suffix(""), []).append(photo)
    pairs = {}
    for image in generated:
        if found := by_name.get(image.relative_to(folder).with_suffix("")):
            pairs[image] = next((photo for photo in found if photo.suffix == image.suffix), found[0])
    return pairs


def draw_with_model(
    model: StrPath,
    photos: StrPath,
    folder: StrPath,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, Path, str | None], None] | None = None,
) -> Report:
    """Stylises the photos into a folder under their names.

    The images are PNG files, so that compression does not change what is measured.

    Args:
        model: As `open_model` takes it.
        photos: The folder of photos.
        folder: The folder of images, made if missing.
        max_pixels: The limit for photos that are read.
        on_progress: See `stylize_files`.

    Raises:
        UserError: The model cannot be loaded, or the folder holds other images, which would be measured too.
    """
    stylizer = load_stylizer(model)
    report = stylize_files([photos], folder, stylizer, max_pixels=max_pixels, suffix=".png", on_progress=on_progress)
    if os.path.isdir(folder) and len(find_images(folder)) != report.written:
        raise UserError(f"{quote(folder)} holds pictures of an earlier evaluation too; remove it, or name another -o")
    return report


RECORD = "drawn.jsonl"  # a line that says which generator drew the images, then one for each


def _read_drawn(folder: Path) -> Iterator[Entry]:
    """Reads the complete lines of a record; there may be half a line."""
    lines = read_json_lines(folder / RECORD)
    with contextlib.suppress(OSError, UserError, StopIteration, KeyError, TypeError):
        yield "head", "", {**next(lines)}
        for line in lines:
            yield "pictures", str(line["picture"]), {key: str(line[key]) for key in ("sha256", "photo_sha256")}


def _save_drawn(records: Manifest) -> None:
    lines = ({"picture": name, **digests} for _, name, digests in records.entries("pictures"))
    try:
        with whole_file(records.folder / RECORD, durable=True) as temporary, open(temporary, "w") as file:
            for line in chain([records.get("head")], lines):
                file.write(json.dumps(line) + "\n")
    except OSError as error:
        raise not_writable(records.folder / RECORD, error) from None


DRAWN = Format(RECORD, _read_drawn, _save_drawn)


class DrawnRecord:
    """Which generator drew each image of a folder, and from which photo; saved as the file RECORD.

    An image stands, and is not drawn again, when its bytes, its photo's bytes, the generator and this package's version
    are those of the record. Opening the record deletes recorded images that do not stand, so that no outdated image is
    measured.

    Args:
        records: The `DRAWN` of the folder of images.
        generator: See `Generator.sha256`.
        targets: {photo: its image's path in the folder}.

    Attributes:
        folder: The folder of images.
        standing: The photos whose images stand.

    Raises:
        UserError: The folder holds an image that is neither recorded nor a target: somebody else's.
    """

    def __init__(self, records: Manifest, generator: str, targets: Mapping[Path, Path]) -> None:
        self.folder, self._records, self._targets = records.folder, records, targets
        self._digests = {photo: _digest(photo) for photo in targets}  # taken before the photos are read for drawing
        head = {"generator_sha256": generator, "animegan3_tf": animegan3_tf.__version__}
        same = records.get("head") == head
        self.standing = {photo for photo in targets if same and self._stands(photo)}
        self._tidy()
        kept = {self._name(targets[photo]) for photo in self.standing}
        stale = [("pictures", name) for name in records.names("pictures") if name not in kept]
        records.write([("head", "", head)], gone=stale)

    def add(self, photo: Path) -> None:
        """Records that a photo's image was written."""
        target = self._targets[photo]
        digests = {"sha256": _digest(target), "photo_sha256": self._digests[photo]}
        self._records.write([("pictures", self._name(target), digests)])

    def _stands(self, photo: Path) -> bool:
        target = self._targets[photo]
        digests = {"sha256": _digest(target), "photo_sha256": self._digests[photo]}
        return None not in digests.values() and self._records.get("pictures", self._name(target)) == digests

    def _tidy(self) -> None:
        for folder, _, _ in os.walk(self.folder):
            remove_leftovers(folder)
        kept = {self._targets[photo] for photo in self.standing}
        stale = [path for path in find_images(self.folder) if path not in kept]
        ours = {*self._records.names("pictures"), *map(self._name, self._targets.values())}
        for path in stale:
            if self._name(path) not in ours:
                raise UserError(f"{quote(path)} was not drawn by this evaluation; remove it, or name another -o")
        for path in stale:
            remove(path)

    def _name(self, target: Path) -> str:
        return target.relative_to(self.folder).as_posix()


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file; None, which no record holds, where it cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else None
    except OSError:
        return None
