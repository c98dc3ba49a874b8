"""What each method makes of the photos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from animegan3_tf.comparison.inputs import Inputs, picture_path
from animegan3_tf.comparison.method import Method
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.pairs import pictures_by_name, same_aspect
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, quote, read_image, resize, write_image
from animegan3_tf.stylize import stylize_files


@dataclass
class Drawn:
    """The pictures of a method, PNG of the photos' sizes.

    paths: {name of the photo: file}. missing: {name: one line} of photos without one. broken: those of `missing` whose
    file is there and cannot be read, which is an error. resized: {name: (H, W) that its file had}.
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
    """Stylises the photos, or takes over the pictures that are there, into `folder`."""
    return (_take if method.stylizer is None else _stylize)(method, inputs, folder, max_pixels, advance)


def _stylize(method, inputs, folder, max_pixels, advance):
    def on_progress(done, total, photo, error):
        if advance:
            advance(done, total, photo.name)

    report = stylize_files([inputs.folder], folder, method.stylizer, suffix=".png", on_progress=on_progress)
    names = {path: name for name, path in inputs.paths.items()}
    drawn = Drawn(folder)
    for path, reason in report.failures:
        drawn.missing[names[path]] = reason
    drawn.broken = tuple(drawn.missing)
    drawn.paths = {name: picture_path(folder, name) for name in inputs.paths if name not in drawn.missing}
    return drawn


def _take(method, inputs, folder, max_pixels, advance):
    """Someone else's pictures, resized to the photos' sizes where they differ."""
    found, drawn = pictures_by_name(method.model, f"--model {method.name}"), Drawn(folder)
    if not found.keys() & inputs.paths.keys():
        raise UserError(
            f"--model {method.name}: no picture of {quote(method.model)} has the name of a photo, such as "
            f"{next(iter(inputs.paths))!r}; name them alike"
        )
    for number, (name, size) in enumerate(inputs.sizes.items(), 1):
        reason = "there is no picture of its name"
        if name in found:
            try:
                rgb = read_image(found[name], max_pixels).on_white()
                reason = None
            except ImageError as error:
                reason, drawn.broken = str(error), (*drawn.broken, name)
            if reason is None and not same_aspect(rgb.shape, size):
                reason = f"{quote(found[name])} is {rgb.shape[1]}x{rgb.shape[0]}, another shape than its photo's"
        if reason is None:
            if rgb.shape[:2] != size:
                drawn.resized[name] = rgb.shape[:2]
            drawn.paths[name] = picture_path(folder, name)
            write_image(drawn.paths[name], resize(rgb, size))
        else:
            drawn.missing[name] = reason
        if advance:
            advance(number, len(inputs.sizes), name)
    return drawn
