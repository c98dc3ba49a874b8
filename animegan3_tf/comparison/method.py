"""The methods that are compared, and their drawings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, find_images, read_image, resize, write_image
from animegan3_tf.comparison.inputs import Inputs, Specification, image_path
from animegan3_tf.data.results import images_by_name, match_results, same_aspect
from animegan3_tf.models.checkpoints import by_name
from animegan3_tf.models.model import accepted, is_model, kind_of, open_model
from animegan3_tf.stylizer.files import stylize_files
from animegan3_tf.stylizer.model import Stylizer, stylizer_of

if TYPE_CHECKING:
    import tensorflow as tf

GFLOP_SIDE = 256  # pixels


@dataclass(frozen=True)
class Method:
    """A method. Numbers that are not known are None.

    Attributes:
        name: Its name in the report.
        given: The path as the user wrote it.
        kind: Its kind in words, such as "TFLite".
        model: The path that `open_model` takes, or the folder of images.
        stylizer: None for a folder of images.
        parameters: The number of the generator's trainable parameters.
        bytes: Size of its files.
        gflop: 10^9 operations for a 256x256 image; a multiply-add counts as two.
    """

    name: str
    given: Path
    kind: str
    model: Path
    stylizer: Stylizer | None = None
    parameters: int | None = None
    bytes: int | None = None
    gflop: float | None = None

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """The only (H, W) that the method takes, or None where it takes any."""
        return self.stylizer.fixed_size if self.stylizer else None

    @property
    def in_one_piece(self) -> Callable[[np.ndarray], np.ndarray]:
        """The function float32 [1, H, W, 3] in [-1, 1] -> the same, which never works in tiles.

        Raises:
            ValueError: The method is a folder of images.
        """
        if self.stylizer is None:
            raise ValueError(f"{self.name} is a folder of images and has no generator")
        return self.stylizer.whole or self.stylizer.forward

    def takes(self, size: tuple[int, int]) -> bool:
        """Whether the method can be timed at a size (H, W)."""
        return self.stylizer is not None and self.fixed_size in (None, size)


def open_method(specification: Specification) -> Method:
    """Opens the model or the folder of images that a specification names.

    Raises:
        UserError: Nothing is there, or it is neither a model nor a folder of images.
    """
    name, path = specification.name, by_name(specification.path)
    if not os.path.exists(path) and kind_of(path) is None:
        raise UserError(f"--model {name}: {quote(path)} does not exist; name a folder of pictures, or {accepted()}")
    if is_model(path):
        return _from_model(name, path, specification.architecture)
    if os.path.isfile(path / "config.json"):
        raise UserError(f"--model {name}: {quote(path)} is a run without generator.h5 yet; train on, or name another")
    if not find_images(path):
        raise UserError(
            f"--model {name}: {quote(path)} holds neither a model nor pictures; name a folder of pictures, or "
            f"{accepted()}"
        )
    return Method(name, path, "pictures", path)


def _from_model(name: str, path: Path, architecture: str | None) -> Method:
    model = open_model(path, architecture)
    kind, gflop = model.kind, None
    if model.network is not None:
        kind = "run" if kind == "weights" and model.path != path else kind
        kind = f"{kind}, {model.architecture.title}" if model.architecture else kind
        gflop = _gflop_of_network(model.network)
    elif model.graph is not None and model.input_size == (GFLOP_SIDE, GFLOP_SIDE):
        gflop = _gflop_of_graph(model.graph())
    return Method(name, path, kind, model.path, stylizer_of(model), model.parameters, model.bytes, gflop)


def _gflop_of_network(network: tf.keras.Model) -> float:
    import tensorflow as tf

    from animegan3_tf.comparison.speed import count_flops

    signature = [tf.TensorSpec([1, GFLOP_SIDE, GFLOP_SIDE, 3], tf.float32)]
    traced = tf.function(lambda photo: network(photo, training=False), input_signature=signature, autograph=False)
    return count_flops(traced.get_concrete_function()) / 1e9


def _gflop_of_graph(graph: Mapping[str, Any]) -> float | None:
    """10^9 operations of what `describe_graph` describes; None where its shapes do not say."""
    if graph["flops"] is None or "DEPTHWISE_CONV_2D" in graph["operations"]:  # `describe_graph` does not count these
        return None
    return graph["flops"] / 1e9


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


def draw_methods(
    method: Method, inputs: Inputs, folder: Path, max_pixels: int = DEFAULT_MAX_PIXELS, advance: Advance | None = None
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


def _stylize(stylizer: Stylizer, inputs: Inputs, folder: Path, advance: Advance | None) -> Drawn:
    def on_progress(done: int, total: int, photo: Path, error: str | None) -> None:
        if advance:
            advance(done, total, photo.name)

    report = stylize_files([inputs.folder], folder, stylizer, suffix=".png", record=False, on_progress=on_progress)
    names = {path: name for name, path in inputs.paths.items()}
    missing = {names[path]: reason for path, reason in report.failures}
    paths = {name: image_path(folder, name) for name in inputs.paths if name not in missing}
    return Drawn(folder, paths, missing, broken=tuple(missing))


def _copy(method: Method, inputs: Inputs, folder: Path, max_pixels: int, advance: Advance | None) -> Drawn:
    """Copies images that were made elsewhere, resized to the photos' sizes where they differ."""
    photos, drawn = images_by_name(inputs.given, "--photos"), Drawn(folder)
    matched = match_results(find_images(method.model), method.model, list(photos.values()), inputs.given)
    image_of = {photo: image for image, photo in matched.items()}
    found = {name: image_of[photo] for name, photo in photos.items() if photo in image_of}
    if not found.keys() & inputs.paths.keys():
        raise UserError(
            f"--model {method.name}: no picture of {quote(method.model)} has the name of a photo, such as "
            f"{next(iter(inputs.paths))!r}, or was drawn from one; name them alike"
        )
    for name, size in counted(inputs.sizes.items(), list(inputs.sizes), advance):
        reason: str | None = "there is no picture of its name"
        if name in found:
            try:
                rgb = read_image(found[name], max_pixels).on_white()
                wrong = f"{quote(found[name])} is {rgb.shape[1]}x{rgb.shape[0]}, which is not its photo's shape"
                reason = None if same_aspect(rgb.shape, size) else wrong
            except ImageError as error:
                reason, drawn.broken = str(error), (*drawn.broken, name)
        if reason is None:
            if rgb.shape[:2] != size:
                drawn.resized[name] = rgb.shape[0], rgb.shape[1]
            drawn.paths[name] = image_path(folder, name)
            write_image(drawn.paths[name], resize(rgb, size))
        else:
            drawn.missing[name] = reason
    return drawn
