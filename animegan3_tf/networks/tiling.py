"""Large images in tiles, with the statistics of the whole image."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from animegan3_tf.common import images
from animegan3_tf.common.console import tell_part
from animegan3_tf.networks.architectures import ARCHITECTURES, Architecture, least_side


class Frozen(tf.keras.layers.Layer):
    """Takes the statistics of one image, then applies them to others.

    Args:
        layer: The layer to wrap, with `statistics`, `apply` and `statistics_shapes`, such as `LADE`.

    Attributes:
        layer: The wrapped layer.
        recording: While true, a call takes the statistics of its input (one image) and keeps them. It is read when a
            `tf.function` is traced, so recording and applying are two functions.
    """

    def __init__(self, layer: tf.keras.layers.Layer, **kwargs: Any) -> None:
        super().__init__(name=layer.name, **kwargs)
        self.layer = layer
        self.recording = False

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates a place for each statistic."""
        self._kept = [
            self.add_weight(name=f"statistic_{i}", shape=shape, initializer="ones", trainable=False)
            for i, shape in enumerate(self.layer.statistics_shapes())
        ]
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Applies the wrapped layer with the kept statistics."""
        if self.recording:
            for kept, value in zip(self._kept, self.layer.statistics(inputs)):
                kept.assign(value)
        return self.layer.apply(inputs, *self._kept)


RAMP = 64  # width over which one tile gives way to the next
TILED_ABOVE = 2_400_000  # pixels, for AnimeGANv3; without tiles the process peaks near 3 GB there
Forward = Callable[[np.ndarray], np.ndarray]  # float32 [1, H, W, 3] in [-1, 1] -> the same


def forward_functions(generator: tf.keras.Model, architecture: Architecture) -> tuple[Forward, Forward]:
    """Makes the functions that draw with a generator.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        architecture: Its architecture.

    Returns:
        The function that draws large images in tiles, and the one that draws every image in one piece.
    """
    # One signature for every size: without it each new size would trace the network again.
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
    traced = tf.function(lambda photo: generator(photo, training=False), input_signature=signature, autograph=False)
    # built when the first large photo comes
    tiled = functools.lru_cache(lambda: TiledGenerator(generator, architecture=architecture))

    def whole(photo: np.ndarray) -> np.ndarray:
        return traced(photo).numpy()

    def forward(photo: np.ndarray) -> np.ndarray:
        is_large = photo.shape[1] * photo.shape[2] * architecture.memory > TILED_ABOVE
        return tiled()(photo) if is_large else whole(photo)

    return forward, whole


class TiledGenerator:
    """Runs a deployed generator over images of any size in bounded memory.

    Some layers use statistics of the whole image: LADE's moments, the attention's normaliser, the moments of layer or
    instance normalisation. They are computed once on a reduced copy of the image, and every tile uses them, so that
    the tiles match in tone.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        tile: Side of the tiles in pixels, a multiple of the architecture's.
        reduced_pixels: About how many pixels the reduced copy has.
        architecture: The generator's architecture.

    Raises:
        ValueError: `tile` is no such multiple, or too small for the architecture's reach.
    """

    def __init__(
        self,
        generator: tf.keras.Model,
        tile: int = 1024,
        reduced_pixels: int = 1_000_000,
        architecture: Architecture = ARCHITECTURES["animegan3"],
    ) -> None:
        least = 2 * architecture.reach + RAMP
        if tile % architecture.multiple or tile <= least:
            raise ValueError(f"tile is {tile}; it must be a multiple of {architecture.multiple} over {least}")
        self.tile, self.reduced_pixels, self.architecture = tile, reduced_pixels, architecture
        frozen: list[Frozen] = []

        def freeze(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
            if not hasattr(layer, "statistics_shapes"):
                return layer
            frozen.append(Frozen(layer))
            return frozen[-1]

        model = tf.keras.models.clone_model(generator, clone_function=freeze)
        signature = [tf.TensorSpec([1, None, None, 3], tf.float32)]
        for layer in frozen:
            layer.recording = True
        self._record = tf.function(model, input_signature=signature, autograph=False)
        self._record.get_concrete_function()
        for layer in frozen:
            layer.recording = False
        self._apply = tf.function(model, input_signature=signature, autograph=False)

    def __call__(self, photo: np.ndarray) -> np.ndarray:
        """Draws a photo.

        Args:
            photo: float32 [1, H, W, 3] in [-1, 1]; H and W are multiples of the architecture's.

        Returns:
            The drawing, of the same type, shape and range.
        """
        self._record(self._reduced(photo))
        _, height, width, _ = photo.shape
        total = np.zeros((height, width, 3), np.float32)
        weight = np.zeros((height, width, 1), np.float32)
        reach, grid = self.architecture.reach, self.architecture.multiple
        rows, columns = (_spans(length, self.tile, reach, grid) for length in (height, width))
        tiles = list(itertools.product(rows, columns))
        for number, ((top, bottom), (left, right)) in enumerate(tiles, 1):
            anime = self._apply(photo[:, top:bottom, left:right])[0].numpy()
            share = np.outer(_share(top, bottom, height, reach), _share(left, right, width, reach))[..., None]
            total[top:bottom, left:right] += share * anime
            weight[top:bottom, left:right] += share
            tell_part(number, len(tiles))
        return (total / weight)[None]

    def _reduced(self, photo: np.ndarray) -> np.ndarray:
        height, width = photo.shape[1:3]
        factor = min(1.0, math.sqrt(self.reduced_pixels / (height * width)))
        multiple = self.architecture.multiple
        least = least_side(multiple)
        rows, columns = (max(least, round(side * factor / multiple) * multiple) for side in (height, width))
        return images.resize(photo[0], (rows, columns))[None]


def _spans(length: int, tile: int, reach: int, grid: int) -> list[tuple[int, int]]:
    """The (start, end) of overlapping tiles that cover 0..length.

    Starts are multiples of the network's coarsest grid, so its strides fall where they do in the whole image.
    """
    if length <= tile:
        return [(0, length)]
    step = tile - 2 * reach - RAMP
    count = math.ceil((length - tile) / step) + 1
    # spread evenly: a thin last tile would cost as much as a whole one
    starts = [round((length - tile) * i / (count - 1) / grid) * grid for i in range(count)]
    return [(start, start + tile) for start in starts]


def _share(start: int, end: int, length: int, reach: int) -> np.ndarray:
    """A tile's weight along one axis: 0 where it lacks context, then a ramp, then 1; 1 up to the image's borders."""
    position = np.arange(start, end, dtype=np.float32) + 0.5
    rise = (position - start - reach) / RAMP if start else np.ones_like(position)
    fall = (end - position - reach) / RAMP if end < length else np.ones_like(position)
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)
