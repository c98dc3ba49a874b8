"""Bilinear upsampling in the two sampling grids of the lineage."""

import tensorflow as tf

GRIDS = ("half_pixel", "legacy")


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class Upsample2x(tf.keras.layers.Layer):
    """Doubles height and width bilinearly.

    `grid="half_pixel"` is today's sampling (`tf.image.resize`). `grid="legacy"` is TF1's
    (`align_corners=False, half_pixel_centers=False`), which the published AnimeGAN weights were trained with; the
    pictures of one grid's weights come out shifted under the other.

    Input [N, H, W, C], output [N, 2H, 2W, C].
    """

    def __init__(self, grid="half_pixel", **kwargs):
        super().__init__(**kwargs)
        if grid not in GRIDS:
            raise ValueError(f"grid is {grid!r}; it must be one of {', '.join(GRIDS)}")
        self.grid = grid

    def call(self, inputs):
        """Resizes in float32, which is all the op computes in, and returns the input's dtype."""
        size = 2 * tf.shape(inputs)[1:3]
        resized = tf.raw_ops.ResizeBilinear(
            images=inputs, size=size, align_corners=False, half_pixel_centers=self.grid == "half_pixel"
        )
        resized.set_shape(self.compute_output_shape(inputs.shape))
        return tf.cast(resized, inputs.dtype)

    def compute_output_shape(self, input_shape):
        """[N, H, W, C] -> [N, 2H, 2W, C], unknown sizes staying unknown."""
        batch, height, width, channels = input_shape
        return (batch, *(None if size is None else 2 * size for size in (height, width)), channels)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "grid": self.grid}
