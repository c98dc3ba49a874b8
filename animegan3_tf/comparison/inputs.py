"""The inputs of a comparison: sizes, models as the user named them, photos."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, read_image, resize, scaled_size, write_image
from animegan3_tf.data.colors import in_threads
from animegan3_tf.data.results import images_by_name
from animegan3_tf.networks.architectures import ARCHITECTURES, MIN_SIDE, check_side

_NAMED = {"1080p": "1920x1080", "720p": "1280x720"}


def parse_sizes(text: str) -> tuple[tuple[int, int], ...]:
    """Reads sizes such as `256,512,1920x1080`.

    Args:
        text: Sizes between commas, each the side of a square, WIDTHxHEIGHT, "720p" or "1080p".

    Returns:
        (H, W) of each size, in order of their pixels, without repetitions.

    Raises:
        UserError: There is no size, or one that cannot be read or is out of range.
    """
    sizes = set()
    for word in filter(None, (word.strip() for word in text.split(","))):
        found = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", _NAMED.get(word, word))
        if found is None:
            raise UserError(f"--sizes {word!r} is no size; write --sizes 256,512,1920x1080")
        width, height = int(found[1]), int(found[2] or found[1])
        for side in (width, height):
            check_side(side, f"--sizes {word}: a side")
        sizes.add((height, width))
    if not sizes:
        raise UserError("--sizes names no size; write --sizes 256,512,1920x1080, or --no-timing")
    return by_pixels(sizes)


def by_pixels(sizes: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Sorts sizes (H, W) by their pixels, the smallest first."""
    return tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size)))


def size_text(size: tuple[int, int]) -> str:
    """Writes a size (H, W) as WIDTHxHEIGHT."""
    return f"{size[1]}x{size[0]}"


PHOTO = "photo"  # the name of the photos beside the methods'
_NAME = re.compile(r"[^\W_][\w .,+()-]{0,39}")  # fits a heading, a CSV file and a column of LaTeX


@dataclass(frozen=True)
class Specification:
    """A method as the user names it.

    Attributes:
        name: Its name in the report.
        path: Where it is.
        architecture: The architecture of a published checkpoint, where the user names it.
    """

    name: str
    path: Path
    architecture: str | None = None


def parse_models(texts: Iterable[str]) -> list[Specification]:
    """Reads NAME=PATH or NAME=ARCHITECTURE:PATH values, in order.

    Raises:
        UserError: There is none, or one cannot be read, has a name that cannot be used, or repeats a name.
    """
    found: dict[str, Specification] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        name = name.strip()
        if not (equals and name and path):
            raise UserError(f"--model {text!r} is not NAME=PATH; write --model v3=runs/shinkai")
        if not _NAME.fullmatch(name) or name.casefold() == PHOTO:
            raise UserError(
                f"--model {text!r}: {name!r} cannot name a method; use up to 40 letters, digits, spaces and .,+()-_, a "
                f"letter or digit first, and not {PHOTO!r}"
            )
        if name.casefold() in found:
            raise UserError(f"--model {name!r} is given twice; name each method once")
        architecture, _, rest = path.partition(":")
        named = (Path(rest), architecture) if rest and architecture in ARCHITECTURES else (Path(path), None)
        found[name.casefold()] = Specification(name, *named)
    if not found:
        raise UserError("no --model is given; name at least one, such as --model v3=runs/shinkai")
    return list(found.values())


@dataclass(frozen=True)
class Inputs:
    """Photos, reduced, as PNG files in a folder.

    Attributes:
        given: The user's folder.
        folder: The folder of PNG files.
        paths: {name: PNG file}. A name is the photo's path below the user's folder, without suffix.
        sizes: {name: (H, W)} of the PNG files.
        rejected: One line for each photo that cannot be used.
        side: The limit of the longest side, in pixels.
    """

    given: Path
    folder: Path
    paths: dict[str, Path]
    sizes: dict[str, tuple[int, int]]
    rejected: tuple[str, ...]
    side: int


def reduce_photos(
    photos: StrPath, folder: Path, side: int, max_pixels: int = DEFAULT_MAX_PIXELS, advance: Advance | None = None
) -> Inputs:
    """Writes each photo as a PNG file for the methods to stylise.

    Transparent photos are laid on white, as a viewer would see them.

    Args:
        photos: The folder of photos.
        folder: Where the PNG files go.
        side: Pixels of the longest side, at most. Smaller photos keep their size.
        max_pixels: The limit for photos that are read.
        advance: Called with (photos done, all photos, name) after each photo.

    Raises:
        UserError: There is no photo, or none can be used.
    """
    found = images_by_name(photos, "--photos")
    if not found:
        raise UserError(f"--photos {quote(photos)} holds no pictures; name a folder that does")

    def read(item: tuple[str, Path]) -> tuple[str, tuple[int, int], str | None]:
        name, path = item
        try:
            rgb = reduced(read_image(path, max_pixels).on_white(), side)
        except ImageError as error:
            return name, (0, 0), str(error)
        size = (rgb.shape[0], rgb.shape[1])
        if min(size) < MIN_SIDE:
            why = f"is {size_text(size)} at this --size; a side needs {MIN_SIDE} pixels or more"
            return name, size, f"{quote(path)} {why}"
        write_image(image_path(folder, name), rgb)
        return name, size, None

    sizes, rejected = {}, []
    for name, size, reason in counted(in_threads(read, found.items()), list(found), advance):
        if reason is None:
            sizes[name] = size
        else:
            rejected.append(reason)
    if not sizes:
        raise UserError(f"--photos {quote(photos)} holds no picture that can be used: {rejected[0]}")
    paths = {name: image_path(folder, name) for name in sizes}
    return Inputs(Path(photos), folder, paths, sizes, tuple(rejected), side)


def image_path(folder: Path, name: str) -> Path:
    """The path of a name's PNG file in a folder."""
    return Path(folder, f"{name}.png")


def reduced(rgb: np.ndarray, side: int) -> np.ndarray:
    """Reduces a uint8 image [H, W, 3] until its longest side is at most `side` pixels; never enlarges."""
    return resize(rgb, scaled_size(rgb.shape, min(1.0, side / max(rgb.shape[:2]))))
