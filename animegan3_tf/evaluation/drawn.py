"""Draws the images that are evaluated, and records which generator drew each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import animegan3_tf
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, remove_leftovers
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, find_images
from animegan3_tf.data.manifest import Entry, Format, Manifest, remove
from animegan3_tf.data.results import RECORD, digest_of, read_record, write_record
from animegan3_tf.stylizer.files import Report, stylize_files
from animegan3_tf.stylizer.model import load_stylizer


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


def _read_drawn(folder: Path) -> Iterator[Entry]:
    head, images = read_record(folder)
    yield from (("pictures", name, values) for name, values in images.items())
    if head:
        yield "head", "", head


def _save_drawn(records: Manifest) -> None:
    images = ((name, values) for _, name, values in records.entries("pictures"))
    write_record(records.folder, records.get("head") or {}, images)


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
        photos: The folder of photos.

    Attributes:
        folder: The folder of images.
        standing: The photos whose images stand.

    Raises:
        UserError: The folder holds an image that is neither recorded nor a target: somebody else's.
    """

    def __init__(self, records: Manifest, generator: str, targets: Mapping[Path, Path], photos: Path) -> None:
        self.folder, self._records, self._targets, self._photos = records.folder, records, targets, photos
        self._digests = {photo: digest_of(photo) for photo in targets}  # taken before the photos are read for drawing
        head = {"generator_sha256": generator, "animegan3_tf": animegan3_tf.__version__}
        same = records.get("head") == head
        self.standing = {photo for photo in targets if same and self._stands(photo)}
        self._tidy()
        kept = {self._name(targets[photo]) for photo in self.standing}
        stale = [("pictures", name) for name in records.names("pictures") if name not in kept]
        records.write([("head", "", head)], gone=stale)

    def add(self, photo: Path) -> None:
        """Records that a photo's image was written."""
        self._records.write([("pictures", self._name(self._targets[photo]), self._entry(photo))])

    def _stands(self, photo: Path) -> bool:
        entry = self._entry(photo)
        recorded = self._records.get("pictures", self._name(self._targets[photo]))
        return all(entry.values()) and recorded == entry

    def _entry(self, photo: Path) -> dict[str, str]:
        return {
            "photo": photo.relative_to(self._photos).as_posix(),
            "photo_sha256": self._digests[photo],
            "sha256": digest_of(self._targets[photo]),
        }

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
