"""Bilinear resizing by two in the two sampling grids of the lineage."""

import tensorflow as tf

GRIDS = ("half_pixel", "legacy")


class _Resize(tf.keras.layers.Layer):
    """What the two directions share: `_size` gives an output length for an input length."""

    def __init__(self, grid="half_pixel", **kwargs):
        super().__init__(**kwargs)
        if grid not in GRIDS:
            raise ValueError(f"grid is {grid!r}; it must be one of {', '.join(GRIDS)}")
        self.grid = grid

    def call(self, inputs):
        """Resizes in float32, which is all the op computes in, and returns the input's dtype."""
        resized = tf.raw_ops.ResizeBilinear(
            images=inputs,
            size=self._size(tf.shape(inputs)[1:3]),
            align_corners=False,
            half_pixel_centers=self.grid == "half_pixel",
        )
        resized.set_shape(self.compute_output_shape(inputs.shape))
        return tf.cast(resized, inputs.dtype)

    def compute_output_shape(self, input_shape):
        """[N, H, W, C] at the new height and width, unknown sizes staying unknown."""
        batch, height, width, channels = input_shape
        return (batch, *(None if size is None else self._size(size) for size in (height, width)), channels)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "grid": self.grid}


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class Upsample2x(_Resize):
    """Doubles height and width bilinearly.

    `grid="half_pixel"` is today's sampling (`tf.image.resize`). `grid="legacy"` is TF1's
    (`align_corners=False, half_pixel_centers=False`), which the published AnimeGAN weights were trained with; the
    pictures of one grid's weights come out shifted under the other.

    Input [N, H, W, C], output [N, 2H, 2W, C].
    """

    def _size(self, length):
        return 2 * length


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class Downsample2x(_Resize):
    """Halves height and width bilinearly, for AnimeGAN's shortcuts; grids as for `Upsample2x`.

    On the legacy grid that is every second pixel, on the half-pixel grid the mean of four.

    Input [N, H, W, C], output [N, H // 2, W // 2, C].
    """

    def _size(self, length):
        return length // 2
