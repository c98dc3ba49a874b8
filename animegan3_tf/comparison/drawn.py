"""The images that each method makes of the photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from animegan3_tf.comparison.inputs import Inputs, image_path
from animegan3_tf.comparison.method import Method
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.pairs import images_by_name, same_aspect
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, quote, read_image, resize, write_image
from animegan3_tf.stylize import stylize_files

if TYPE_CHECKING:
    from animegan3_tf.stylizer import Stylizer


@dataclass
class Drawn:
    """The images of a method: PNG files of the photos' sizes.

    Attributes:
        folder: The folder that holds them.
        paths: {photo's name: file}.
        missing: {photo's name: one-line reason} for photos without an image.
        broken: Names in `missing` whose file exists but cannot be read, which is an error.
        resized: {photo's name: (H, W) of the file before it was resized}.
    """

    folder: Path
    paths: dict[str, Path] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    resized: dict[str, tuple[int, int]] = field(default_factory=dict)


def draw(
    method: Method,
    inputs: Inputs,
    folder: Path,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    advance: Callable[[int, int, str], None] | None = None,
) -> Drawn:
    """Writes a method's images: stylises the photos, or copies the images of a method that is a folder of them.

    Args:
        method: The method.
        inputs: The photos.
        folder: Where the images go.
        max_pixels: The limit for images that are read.
        advance: Called with (photos done, all photos, name) after each photo.

    Raises:
        UserError: The method is a folder in which no image has the name of a photo.
    """
    if method.stylizer is None:
        return _copy(method, inputs, folder, max_pixels, advance)
    return _stylize(method.stylizer, inputs, folder, advance)


def _stylize(
    stylizer: Stylizer, inputs: Inputs, folder: Path, advance: Callable[[int, int, str], None] | None
) -> Drawn:
    def on_progress(done: int, total: int, photo: Path, error: str | None) -> None:
        if advance:
            advance(done, total, photo.name)

    report = stylize_files([inputs.folder], folder, stylizer, suffix=".png", on_progress=on_progress)
    names = {path: name for name, path in inputs.paths.items()}
    drawn = Drawn(folder)
    for path, reason in report.failures:
        drawn.missing[names[path]] = reason
    drawn.broken = tuple(drawn.missing)
    drawn.paths = {name: image_path(folder, name) for name in inputs.paths if name not in drawn.missing}
    return drawn


def _copy(
    method: Method,
    inputs: Inputs,
    folder: Path,
    max_pixels: int,
    advance: Callable[[int, int, str], None] | None,
) -> Drawn:
    """Copies images that were made elsewhere, resized to the photos' sizes where they differ."""
    found, drawn = images_by_name(method.model, f"--model {method.name}"), Drawn(folder)
    if not found.keys() & inputs.paths.keys():
        raise UserError(
            f"--model {method.name}: no picture of {quote(method.model)} has the name of a photo, such as "
            f"{next(iter(inputs.paths))!r}; name them alike"
        )
    for number, (name, size) in enumerate(inputs.sizes.items(), 1):
        reason: str | None = "there is no picture of its name"
        if name in found:
            try:
                rgb = read_image(found[name], max_pixels).on_white()
                reason = None
            except ImageError as error:
                reason, drawn.broken = str(error), (*drawn.broken, name)
            if reason is None and not same_aspect(rgb.shape, size):
                reason = f"{quote(found[name])} is {rgb.shape[1]}x{rgb.shape[0]}, which is not its photo's shape"
        if reason is None:
            if rgb.shape[:2] != size:
                drawn.resized[name] = rgb.shape[0], rgb.shape[1]
            drawn.paths[name] = image_path(folder, name)
            write_image(drawn.paths[name], resize(rgb, size))
        else:
            drawn.missing[name] = reason
        if advance:
            advance(number, len(inputs.sizes), name)
    return drawn
