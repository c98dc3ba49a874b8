"""Bilinear resizing by two in the two sampling grids of the lineage."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

GRIDS = ("half_pixel", "legacy")


class _Resize(tf.keras.layers.Layer):
    """The base of the two directions, whose `_size` gives the output length for an input length."""

    def __init__(self, grid: str = "half_pixel", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if grid not in GRIDS:
            raise ValueError(f"grid is {grid!r}; it must be one of {', '.join(GRIDS)}")
        self.grid = grid

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Resizes in float32, the only type the op computes in, and returns the input's dtype."""
        resized = tf.raw_ops.ResizeBilinear(
            images=inputs,
            size=self._size(tf.shape(inputs)[1:3]),
            align_corners=False,
            half_pixel_centers=self.grid == "half_pixel",
        )
        resized.set_shape(self.compute_output_shape(inputs.shape))
        return tf.cast(resized, inputs.dtype)

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tuple[int | None, ...]:
        """[N, H, W, C] at the new height and width, unknown sizes staying unknown."""
        batch, height, width, channels = input_shape
        return (batch, *(None if size is None else self._size(size) for size in (height, width)), channels)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "grid": self.grid}


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class Upsample2x(_Resize):
    """Doubles height and width bilinearly.

    Input [N, H, W, C], output [N, 2H, 2W, C].

    Args:
        grid: "half_pixel" is today's sampling (`tf.image.resize`). "legacy" is TF1's (`align_corners=False,
            half_pixel_centers=False`), which the published AnimeGAN weights were trained with. With the other grid than
            in training the images come out shifted.

    Raises:
        ValueError: `grid` is not known.
    """

    def _size(self, length: int | tf.Tensor) -> int | tf.Tensor:
        return 2 * length


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class Downsample2x(_Resize):
    """Halves height and width bilinearly, for AnimeGAN's shortcuts.

    Input [N, H, W, C], output [N, H // 2, W // 2, C].

    Args:
        grid: As for `Upsample2x`. The legacy grid takes every second pixel, the half-pixel grid the mean of four.

    Raises:
        ValueError: `grid` is not known.
    """

    def _size(self, length: int | tf.Tensor) -> int | tf.Tensor:
        return length // 2
