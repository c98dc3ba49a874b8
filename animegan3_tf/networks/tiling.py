"""Large images in tiles, with the statistics of the whole image."""

from __future__ import annotations

import functools
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
Draw = Callable[[np.ndarray], np.ndarray]  # uint8 [H, W, 3] -> the same


def forward_functions(generator: tf.keras.Model, architecture: Architecture) -> tuple[Forward, Forward, Draw]:
    """Makes the functions that draw with a generator.

    Args:
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        architecture: Its architecture.

    Returns:
        The function that draws large images in tiles, the one that draws every image in one piece, and the first once
        more on levels: a large image never is in memory as float32. That one raises FloatingPointError where the
        drawing is not finite.
    """
    # One signature for every size: without it each new size would trace the network again.
    signature = [tf.TensorSpec([None, None, None, 3], tf.float32)]
    traced = tf.function(lambda photo: generator(photo, training=False), input_signature=signature, autograph=False)
    # built when the first large photo comes
    tiled = functools.lru_cache(lambda: TiledGenerator(generator, architecture=architecture))

    def whole(photo: np.ndarray) -> np.ndarray:
        return traced(photo).numpy()

    def is_large(photo: np.ndarray) -> bool:
        return photo.shape[-3] * photo.shape[-2] * architecture.memory > TILED_ABOVE

    def forward(photo: np.ndarray) -> np.ndarray:
        return tiled()(photo) if is_large(photo) else whole(photo)

    def draw(rgb: np.ndarray) -> np.ndarray:
        return (tiled()(rgb[None]) if is_large(rgb) else images.as_levels(whole(images.as_floats(rgb)[None])))[0]

    return forward, whole, draw


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
            photo: [1, H, W, 3], float32 in [-1, 1] or uint8; H and W are multiples of the architecture's. Of levels, a
                tile at a time becomes float32.

        Returns:
            The drawing, of the same type, shape and range.

        Raises:
            FloatingPointError: A drawing in uint8 would not be finite.
        """
        self._record(self._reduced(photo))
        _, height, width, _ = photo.shape
        drawing = np.empty_like(photo)
        reach, grid = self.architecture.reach, self.architecture.multiple
        rows, columns = (_spans(length, self.tile, reach, grid) for length in (height, width))
        # sums of the tiles, in RGB, and of their weights: of what is drawn to its end, they are dropped
        above = np.zeros((0, width, 4), np.float32)  # from rows of tiles that are done, down from `top`
        drawn, tiles = 0, len(rows) * len(columns)
        for (top, bottom), next_top in zip(rows, _next_starts(rows)):
            below = np.empty((bottom - next_top, width, 4), np.float32)
            sums = np.zeros((bottom - top, 0, 4), np.float32)  # from `left` on
            for (left, right), next_left in zip(columns, _next_starts(columns)):
                fresh = np.zeros((bottom - top, right - left - sums.shape[1], 4), np.float32)
                fresh[: len(above)] = above[:, right - fresh.shape[1] : right]
                sums = np.concatenate([sums, fresh], axis=1)
                anime = self._apply(_floats(photo[:, top:bottom, left:right]))[0].numpy()
                share = np.outer(_share(top, bottom, height, reach), _share(left, right, width, reach))[..., None]
                sums[..., :3] += share * anime
                sums[..., 3:] += share
                done, sums = np.split(sums, [next_left - left], axis=1)
                below[:, left:next_left] = done[next_top - top :]
                done = done[: next_top - top, :, :3] / done[: next_top - top, :, 3:]
                levels = photo.dtype == np.uint8
                drawing[0, top:next_top, left:next_left] = images.as_levels(done) if levels else done
                drawn += 1
                tell_part(drawn, tiles)
            above = below
        return drawing

    def _reduced(self, photo: np.ndarray) -> np.ndarray:
        height, width = photo.shape[1:3]
        factor = min(1.0, math.sqrt(self.reduced_pixels / (height * width)))
        multiple = self.architecture.multiple
        least = least_side(multiple)
        rows, columns = (max(least, round(side * factor / multiple) * multiple) for side in (height, width))
        # a channel at a time: beside a photo in uint8, one in float32 would be the largest thing in memory
        planes = [images.resize(_floats(photo[0, ..., channel]), (rows, columns)) for channel in range(3)]
        return np.stack(planes, axis=-1)[None]


def _floats(part: np.ndarray) -> np.ndarray:
    return images.as_floats(part) if part.dtype == np.uint8 else part


def _next_starts(spans: list[tuple[int, int]]) -> list[int]:
    """Where the span after each one starts; after the last, its end."""
    return [*(start for start, _ in spans[1:]), spans[-1][1]]


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
