"""Which image was drawn from which photo: how results are named, the record of them, and the way back.

A result has its photo's name. Where the suffix has to change, it is replaced (`a.bmp` -> `a.png`); where that would be
another result's name too, it is added (`a.bmp.png`).
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path, PurePath
from typing import BinaryIO

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, read_json_lines, sha256_of, whole_file
from animegan3_tf.common.images import WRITE_FORMATS, images_by_stem

RECORD = "drawn.jsonl"  # a line for each image; where one generator drew them all, a first line that says which
_ASPECT = 0.05  # log ratio: methods pad or round sides to multiples of 8 or 32; more is another image
# Of photos whose suffix cannot be written; others, such as GIF and AVIF, become PNG.
_SUFFIX = dict.fromkeys((".jpe", ".jfif", ".mpo", ".heic", ".heif", ".hif"), ".jpg")
_KEYS = ("photo", "photo_sha256", "sha256")
_REWRITTEN = {".bmp", ".tif", ".tiff"}  # large, and PNG holds the same


def result_names(photos: Mapping[Path, Path], suffix: str | None = None) -> dict[Path, Path]:
    """Names the results of photos.

    Args:
        photos: {photo: its path below the output folder}.
        suffix: Format of the results, such as ".png"; by default the photo's own (BMP, TIFF, GIF and AVIF
            become PNG; HEIC, .jfif, .jpe and .mpo JPEG).

    Returns:
        {photo: its result's path below the output folder}. Two may still have one name where a photo's own name is
        what another's result is called, or where only letter case tells photos apart.
    """
    names = {photo: relative.with_suffix(suffix or _suffix_of(photo)) for photo, relative in photos.items()}
    counts = Counter(name_key(name) for name in names.values())
    for photo, relative in photos.items():
        if counts[name_key(names[photo])] > 1 and names[photo] != relative:
            names[photo] = relative.with_name(relative.name + names[photo].suffix)
    return names


def name_key(path: PurePath) -> str:
    """A path as disks compare it that know no letter case, and no two ways to write an accent."""
    return _written_alike(path).casefold()


def _written_alike(path: PurePath) -> str:
    return unicodedata.normalize("NFC", path.as_posix())


def _suffix_of(photo: Path) -> str:
    suffix = photo.suffix.lower()
    kept = suffix in WRITE_FORMATS and suffix not in _REWRITTEN
    return photo.suffix if kept else _SUFFIX.get(suffix, ".png")


class ResultRecord:
    """The record of a folder of results, to which each is added as it is written; any thread may do so.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path, self._appending = folder, folder / RECORD, threading.Lock()

    def add(self, image: Path, photo: Path, relative: Path) -> None:
        """Records an image, unless it or its photo cannot be read any more.

        Args:
            image: Its file.
            photo: The photo that it was drawn from.
            relative: The photo's path below the folder that was stylised.

        Raises:
            UserError: The record cannot be written.
        """
        values = {"photo": relative.as_posix(), "photo_sha256": digest_of(photo), "sha256": digest_of(image)}
        if not all(values.values()):
            return
        line = json.dumps({"picture": image.relative_to(self._folder).as_posix(), **values})
        try:
            with self._appending, open(self._path, "ab+") as file:
                file.write(b"" if _ends_whole(file) else b"\n")  # after what a killed run began
                file.write(line.encode() + b"\n")
        except OSError as error:
            raise _not_written(self._path, error) from None

    def tidy(self) -> None:
        """Leaves one line for each image that is still there.

        Raises:
            UserError: The record cannot be written.
        """
        head, found = read_record(self._folder)
        kept = {name: values for name, values in found.items() if (self._folder / name).is_file()}
        if len(kept) + bool(head) < sum(1 for _ in _lines(self._folder)):
            write_record(self._folder, head, kept.items())


def _ends_whole(file: BinaryIO) -> bool:
    if not file.seek(0, os.SEEK_END):
        return True
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def _not_written(path: Path, error: OSError) -> UserError:
    return UserError(f"{quote(path)} cannot be written ({error.strerror}); check the folder and free space")


def read_record(folder: Path) -> tuple[dict, dict[str, dict[str, str]]]:
    """Reads the record of a folder; half a line, which a kill may leave, is passed over.

    Returns:
        The first line where it is of no image, else {}; and {an image's path below the folder: {"sha256",
        "photo_sha256", "photo"}}, of which records of earlier versions have no "photo".
    """
    head: dict = {}
    images: dict[str, dict[str, str]] = {}
    for number, line in enumerate(_lines(folder)):
        if "picture" in line:
            images[str(line["picture"])] = {key: str(line[key]) for key in _KEYS if key in line}
        elif number == 0:
            head = line
    return head, images


def write_record(folder: Path, head: Mapping, images: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    """Replaces the record of a folder, whole or not at all.

    Args:
        folder: The folder.
        head: Values of the first line; {} for none.
        images: (path below the folder, values) of each image, as `read_record` returns them.

    Raises:
        UserError: The record cannot be written.
    """
    lines = ({"picture": name, **values} for name, values in images)
    try:
        with whole_file(folder / RECORD, durable=True) as temporary, open(temporary, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in chain([head] if head else [], lines))
    except OSError as error:
        raise _not_written(folder / RECORD, error) from None


def _lines(folder: Path) -> Iterator[dict]:
    with contextlib.suppress(OSError, UserError):  # no record
        yield from (line for line in read_json_lines(folder / RECORD) if isinstance(line, dict))


def match_results(
    results: Sequence[Path], folder: StrPath, photos: Sequence[Path], photo_folder: StrPath
) -> dict[Path, Path]:
    """Matches results to the photos they were drawn from.

    The record of the folder decides where it has an image. Others are matched by name: that of the photo, with
    another suffix, or with one suffix more.

    Args:
        results: The images.
        folder: Their folder.
        photos: The photos.
        photo_folder: Their folder.

    Returns:
        {image: its photo}, in the order of the images, without those that have no photo.

    Raises:
        UserError: An image may be that of several photos, a photo has several images, or a photo is not the one any
            more that the record names.
    """
    folder, photo_folder = Path(folder), Path(photo_folder)
    recorded = _by_record(results, folder, photos, photo_folder)
    others = {one: one.relative_to(folder) for one in results if one not in recorded}
    named = _by_name(others, set(recorded.values()), {photo: photo.relative_to(photo_folder) for photo in photos})
    photo_of = {one: photo for one in results if (photo := recorded.get(one) or named.get(one)) is not None}
    first: dict[Path, Path] = {}
    for image, photo in photo_of.items():
        other = first.setdefault(photo, image)
        if other is not image:
            raise UserError(f"{quote(other)} and {quote(image)} are both images of {quote(photo)}; remove one of them")
    return photo_of


def _by_record(
    results: Sequence[Path], folder: Path, photos: Sequence[Path], photo_folder: Path
) -> dict[Path, Path | None]:
    """{image: its photo, or None where that is not among the photos} for each that a record has as it is now."""
    records: dict[Path, dict[str, dict[str, str]]] = {}
    by_path = {photo.relative_to(photo_folder).as_posix(): photo for photo in photos}
    by_digest: dict[str, list[Path]] = {}
    found: dict[Path, Path | None] = {}
    for image in results:
        place, entry = _recorded(image.absolute(), records)
        if place is None:
            continue  # not recorded, or another image by now
        # the record may lie above the folder or below it, and then names the photo from there
        relative = os.path.relpath(place / entry.get("photo", ""), folder.absolute())
        photo, digest = by_path.get(Path(relative).as_posix()), entry.get("photo_sha256", "")
        if photo is None or digest_of(photo) != digest:
            if not by_digest:
                for one in photos:
                    by_digest.setdefault(digest_of(one), []).append(one)
            same = by_digest.get(digest, [])
            if photo is not None and not same:
                raise UserError(
                    f"{quote(image)} was drawn from another file than {quote(photo)} is now; stylize it again, or "
                    f"delete {quote(place / RECORD)} to match images by name"
                )
            used = set(found.values())
            photo = next((one for one in same if one not in used), same[0] if same else None)
        found[image] = photo
    return found


def _recorded(image: Path, records: dict[Path, dict[str, dict[str, str]]]) -> tuple[Path | None, dict[str, str]]:
    """The nearest folder above an image whose record has it as it is, and its entry; `records` keeps what is read."""
    for place in image.parents:
        if place not in records:
            records[place] = read_record(place)[1]
        entry = records[place].get(image.relative_to(place).as_posix())
        if entry is not None and entry.get("sha256") == digest_of(image):
            return place, entry
    return None, {}


def digest_of(path: Path) -> str:
    """Returns the SHA-256 of a file; an empty text, which no record holds, where it cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else ""
    except OSError:
        return ""


def _by_name(
    images: Mapping[Path, Path], taken: Collection[Path | None], photos: Mapping[Path, Path]
) -> dict[Path, Path]:
    """{image: its photo} by their paths below their folders; photos that are taken have another image already."""
    found: dict[Path, Path] = {}
    for key in (_written_alike, name_key):  # letter case counts where names can be told apart by it
        whole = {key(name): photo for photo, name in photos.items()}
        stems: dict[str, list[Path]] = {}
        for photo, name in photos.items():
            stems.setdefault(key(name.with_suffix("")), []).append(photo)
        exact = {whole.get(key(name)) for name in images.values()}
        own = {image: _own(key, whole, name, exact) for image, name in images.items()}
        having = {*taken, *chain(*own.values())}
        for image, name in images.items():
            mine = own[image]
            alike = [photo for photo in stems.get(key(name.with_suffix("")), []) if photo not in mine]
            free = [photo for photo in alike if photo not in having]
            candidates = [*mine, *free] or alike
            if len(candidates) > 1 and image not in found:
                raise _ambiguous(image, candidates)
            if candidates:
                found.setdefault(image, candidates[0])
    _check_twins(found, taken, photos)
    return found


def _own(
    key: Callable[[PurePath], str], whole: Mapping[str, Path], name: Path, exact: Collection[Path | None]
) -> list[Path]:
    """The photo that has an image's very name, and that with one suffix less if no image has the very name of that."""
    same, shorter = whole.get(key(name)), whole.get(key(name.with_suffix("")))
    return [photo for photo in (same, None if shorter in exact else shorter) if photo is not None]


def _check_twins(found: Mapping[Path, Path], taken: Collection[Path | None], photos: Mapping[Path, Path]) -> None:
    """Refuses the one image of photos that only letter case tells apart: a disk without it keeps one for both."""
    having = {*taken, *found.values()}
    twins: dict[str, list[Path]] = {}
    for photo, name in photos.items():
        twins.setdefault(name_key(name), []).append(photo)
    for image, photo in found.items():
        alone = [one for one in twins[name_key(photos[photo])] if one not in having]
        if alone:
            raise _ambiguous(image, [photo, *alone])


def _ambiguous(image: Path, photos: Collection[Path]) -> UserError:
    first, second, *_ = photos
    return UserError(
        f"{quote(image)} may have been drawn from {quote(first)} or from {quote(second)}; stylize them again, which "
        f"writes {RECORD}, or rename one"
    )


def images_by_name(folder: StrPath, what: str) -> dict[str, Path]:
    """Finds the images of a folder by name.

    Args:
        folder: The folder.
        what: The name of the folder in errors.

    Returns:
        {path below the folder, without suffix and with forward slashes: file}.

    Raises:
        UserError: Two images have one name, or would have on a disk that ignores letter case.
    """

    def clash(name: str, first: Path, second: Path) -> str:
        return f"{what} has two pictures named {name!r} ({first.suffix}, {second.suffix}); remove one"

    found = images_by_stem(folder, clash)
    first: dict[str, str] = {}
    for name in found:
        other = first.setdefault(name_key(PurePath(name)), name)
        if other != name:
            one, two = quote(found[other]), quote(found[name])
            raise UserError(f"{what}: {one} and {two} have one name on disks that ignore letter case; rename one")
    return found


def same_aspect(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes (height, width) have aspect ratios that differ by 5 % at most."""
    return abs(math.log(first[1] / first[0] * second[0] / second[1])) <= _ASPECT
