"""Which image was drawn from which photo: how results are named, the record of them, and the way back.

A result has its photo's name. Where the suffix has to change, it is replaced (`a.bmp` -> `a.png`); where that would be
another result's name too, it is added (`a.bmp.png`).
"""

from __future__ import annotations

import contextlib
import json
import math
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path, PurePath

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, sha256_of, whole_file
from animegan3_tf.common.images import WRITE_FORMATS, images_by_stem

RECORD = "drawn.jsonl"  # a line for each image; where one generator drew them all, a first line that says which
_ASPECT = 0.05  # log ratio: methods pad or round sides to multiples of 8 or 32; more is another image
_SUFFIX = {".heic": ".jpg", ".heif": ".jpg"}  # of photos whose format cannot be written; other such become PNG
_REWRITTEN = {".bmp", ".tif", ".tiff"}  # large, and PNG holds the same


def result_names(photos: Mapping[Path, Path], suffix: str | None = None) -> dict[Path, Path]:
    """Names the results of photos.

    Args:
        photos: {photo: its path below the output folder}.
        suffix: Format of the results, such as ".png"; by default the photo's own (BMP and TIFF become PNG, HEIC JPEG).

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
    """The record of a folder of results, to which each is added as it is written.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._path = folder, folder / RECORD

    def add(self, image: Path, photo: Path, relative: Path) -> None:
        """Records an image.

        Args:
            image: Its file.
            photo: The photo that it was drawn from.
            relative: The photo's path below the folder that was stylised.

        Raises:
            UserError: The record cannot be written.
        """
        line = json.dumps({"picture": image.relative_to(self._folder).as_posix(), **_drawn_from(image, photo, relative)})
        try:
            with open(self._path, "ab+") as file:
                if file.tell() and not self._ends_whole(file):
                    line = "\n" + line  # what a killed run began
                file.write(line.encode() + b"\n")
        except OSError as error:
            raise _not_written(self._path, error) from None

    @staticmethod
    def _ends_whole(file) -> bool:
        file.seek(-1, 2)
        return file.read(1) == b"\n"

    def tidy(self) -> None:
        """Leaves one line for each image that is still there.

        Raises:
            UserError: The record cannot be written.
        """
        lines, found = _lines(self._folder), dict(read_record(self._folder))
        kept = {name: values for name, values in found.items() if (self._folder / name).is_file()}
        if len(kept) == len(list(lines)):
            return
        try:
            with whole_file(self._path) as temporary, open(temporary, "w", encoding="utf-8") as file:
                file.writelines(json.dumps({"picture": name, **values}) + "\n" for name, values in kept.items())
        except OSError as error:
            raise _not_written(self._path, error) from None


def _drawn_from(image: Path, photo: Path, relative: Path) -> dict[str, str]:
    return {"photo": relative.as_posix(), "sha256": sha256_of(image), "photo_sha256": sha256_of(photo)}


def _not_written(path: Path, error: OSError) -> UserError:
    return UserError(f"{quote(path)} cannot be written ({error.strerror}); check the folder and free space")


def read_record(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Reads the record of a folder; half a line, which a kill may leave, is passed over.

    Yields:
        (an image's path below the folder, {"sha256", "photo_sha256" and, since version 0.2, "photo"}), the newest of
        an image last; nothing where there is no record.
    """
    for line in _lines(folder):
        if "picture" in line:
            keys = line.keys() & {"sha256", "photo_sha256", "photo"}
            yield str(line["picture"]), {key: str(line[key]) for key in sorted(keys)}


def _lines(folder: Path) -> Iterator[dict]:
    with contextlib.suppress(OSError), open(folder / RECORD, encoding="utf-8", errors="replace") as file:
        for text in file:
            with contextlib.suppress(ValueError, RecursionError):
                line = json.loads(text)
                if isinstance(line, dict):
                    yield line


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
    named = _by_name([one for one in results if one not in recorded], folder, photos, photo_folder)
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
    """{image: its photo, or None where that is not among the photos} for each that the record has as it is now."""
    place = next((at for at in (folder, *folder.absolute().parents) if (at / RECORD).is_file()), None)
    record = {} if place is None else dict(read_record(place))
    if not record or place is None:
        return {}
    by_path = {photo.relative_to(photo_folder).as_posix(): photo for photo in photos}
    by_digest: dict[str, Path] = {}
    found: dict[Path, Path | None] = {}
    for image in results:
        entry = record.get(image.absolute().relative_to(place.absolute()).as_posix())
        if entry is None or entry.get("sha256") != _digest(image):
            continue  # not recorded, or another image by now
        photo, digest = by_path.get(entry.get("photo", "")), entry.get("photo_sha256", "")
        if photo is None or _digest(photo) != digest:
            by_digest = by_digest or {_digest(one): one for one in reversed(photos)}
            if photo is not None and digest not in by_digest:
                raise UserError(
                    f"{quote(image)} was drawn from another file than {quote(photo)} is now; stylize it again, or delete "
                    f"{quote(place / RECORD)} to match images by name"
                )
            photo = by_digest.get(digest)
        found[image] = photo
    return found


def _digest(path: Path) -> str:
    """The SHA-256 of a file; empty where it cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else ""
    except OSError:
        return ""


def _by_name(results: Sequence[Path], folder: Path, photos: Sequence[Path], photo_folder: Path) -> dict[Path, Path]:
    images = {image: image.relative_to(folder) for image in results}
    found: dict[Path, Path] = {}
    for key in (_written_alike, name_key):  # letter case counts where names can be told apart by it
        left = {image: name for image, name in images.items() if image not in found}
        whole = {key(photo.relative_to(photo_folder)): photo for photo in photos}
        stems: dict[str, list[Path]] = {}
        for photo in photos:
            stems.setdefault(key(photo.relative_to(photo_folder).with_suffix("")), []).append(photo)
        own = {image: _own(key, whole, name) for image, name in images.items()}
        taken = {photo for photo in own.values() if photo is not None}
        for image, name in left.items():
            mine = own[image]
            others = [p for p in stems.get(key(name.with_suffix("")), []) if p != mine and p not in taken]
            if len(others) + (mine is not None) > 1:
                raise _ambiguous(image, [*([] if mine is None else [mine]), *others])
            photo = mine or next(iter(others), None)
            if photo is not None:
                found[image] = photo
    return found


def _own(key, whole: Mapping[str, Path], name: Path) -> Path | None:
    """The photo that has an image's very name, or that with one suffix less."""
    return whole.get(key(name)) or whole.get(key(name.with_suffix("")))


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
        UserError: Two images have one name.
    """

    def clash(name: str, first: Path, second: Path) -> str:
        return f"{what} has two pictures named {name!r} ({first.suffix}, {second.suffix}); remove one"

    return images_by_stem(folder, clash)


def same_aspect(first: Sequence[int], second: Sequence[int]) -> bool:
    """Whether two sizes (height, width) have aspect ratios that differ by 5 % at most."""
    return abs(math.log(first[1] / first[0] * second[0] / second[1])) <= _ASPECT
