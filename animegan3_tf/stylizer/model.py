"""Draws images with any model: a checkpoint, a published file or an exported one."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import sha256_of
from animegan3_tf.models.model import Model, open_model
from animegan3_tf.networks.architectures import MIN_SIDE, MULTIPLE, least_side


@dataclass(frozen=True)
class Stylizer:
    """Stylises images: called with uint8 RGB [H, W, 3], returns anime of the same size and type.

    Attributes:
        forward: Runs the network, float32 [1, H, W, 3] in [-1, 1] -> the same; H and W are multiples of `multiple`, or
            `fixed_size`.
        fixed_size: (H, W) where the model takes no other size: larger photos are reduced to fit and the results
            enlarged again. None where it takes any size.
        warning: One line that the user should see before the run, or None.
        exhausted: The exceptions that `forward` raises when memory runs out.
        multiple: Height and width are padded by reflection to multiples of this.
        whole: As `forward`, but never in tiles; None where `forward` has no tiles anyway.
        draw: As `forward`, on levels, see `Model.draw`; it is called instead where there is one.
    """

    forward: Callable[[np.ndarray], np.ndarray]
    fixed_size: tuple[int, int] | None = None
    warning: str | None = None
    exhausted: tuple[type[Exception], ...] = (MemoryError,)
    multiple: int = MULTIPLE
    whole: Callable[[np.ndarray], np.ndarray] | None = None
    draw: Callable[[np.ndarray], np.ndarray] | None = None

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Stylises one image.

        Args:
            rgb: uint8 RGB [H, W, 3] of at least 16x16 pixels.

        Returns:
            The drawing, uint8 [H, W, 3].

        Raises:
            UserError: The image is too small or does not fit in memory, or the model's output is broken.
        """
        height, width = rgb.shape[:2]
        if min(height, width) < MIN_SIDE:
            raise UserError(f"{width}x{height} pixels are too few to stylise; give at least {MIN_SIDE}x{MIN_SIDE}")
        least = least_side(self.multiple)
        full_height, full_width = (max(side + -side % self.multiple, least) for side in (height, width))
        padded = self.fixed_size or (full_height, full_width)
        scale = min(1.0, padded[0] / height, padded[1] / width)  # never enlarged: padding fills a small photo up
        fitted = images.resize(rgb, (max(1, round(height * scale)), max(1, round(width * scale))))
        rows, columns = fitted.shape[:2]
        margins = ((0, padded[0] - rows), (0, padded[1] - columns), (0, 0))
        photo = fitted if (rows, columns) == padded else np.pad(fitted, margins, mode="reflect")
        try:
            anime = (self.draw or self._draw)(photo)
        except self.exhausted:
            raise UserError(f"{width}x{height} pixels do not fit in memory; reduce the photo") from None
        except FloatingPointError:
            anime = None
        if anime is None or anime.shape != photo.shape:
            raise UserError(f"the model gave no image for {width}x{height} pixels; its weights or export are broken")
        return images.resize(anime[:rows, :columns], (height, width))

    def _draw(self, photo: np.ndarray) -> np.ndarray:
        return images.as_levels(self.forward(images.as_floats(photo)[None])[0])


def load_stylizer(model: str | os.PathLike) -> Stylizer:
    """Opens a model of any kind for drawing; the arguments and errors are those of `models.model.open_model`."""
    return stylizer_of(open_model(model))


def stylizer_of(model: Model) -> Stylizer:
    """Returns the stylizer of an opened model."""
    size = model.input_size
    warning = model.warning
    if size:
        warning = (
            f"model {quote(model.path)} takes {size[1]}x{size[0]} pixels only: larger photos are reduced to fit and "
            "the results enlarged again, which blurs them; a dynamic-size export or the weights avoid that"
        )
    return Stylizer(model.forward, size, warning, model.exhausted, model.multiple, model.whole, model.draw)


class ModelTeacher:
    """Draws with a model.

    Attributes:
        name: The name of the model's file.
        sha256: SHA-256 of that file.
        fixed_size: Its (height, width) where it takes no other size.
    """

    def __init__(self, model: str | os.PathLike) -> None:
        """Opens the model.

        Args:
            model: As `open_model` takes it.

        Raises:
            UserError: The model does not exist or cannot be read.
        """
        opened = open_model(model)
        self._stylizer = stylizer_of(opened)
        self.name, self.fixed_size = opened.path.name, opened.input_size
        # a checkpoint's prefix is no file; folders of pairs hold the digest of the path alone where it is one
        self.sha256 = sha256_of(opened.path) if opened.path.exists() else opened.sha256

    def __call__(self, rgb: np.ndarray) -> np.ndarray:
        """Draws one image, uint8 [H, W, 3] to the same size."""
        return self._stylizer(rgb)
