"""Convolution with reflection padding, the convolution of all the lineage's generators."""

import tensorflow as tf

LARGER_SIDES = ("before", "after")


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class ReflectConv2D(tf.keras.layers.Layer):
    """REFLECT padding, then a VALID convolution, without bias unless `use_bias`.

    The total padding is `kernel_size - strides`; of an odd total the larger half goes to the top and left, so a
    3x3 kernel with stride 2 pads the top and left only, as AnimeGANv3's generator does. `larger_side="after"` gives it
    to the bottom and right, as AnimeGAN's and AnimeGANv2's do.

    Input  [N, H, W, C], H and W larger than the padding.
    Output [N, ceil(H/s), ceil(W/s), filters] for H and W that are multiples of the stride s.
    """

    padding = "REFLECT"  # a mode of `tf.pad`

    def __init__(
        self,
        filters,
        kernel_size=3,
        strides=1,
        kernel_initializer="glorot_uniform",
        larger_side="before",
        use_bias=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if kernel_size < strides:
            raise ValueError(f"kernel_size {kernel_size} is smaller than strides {strides}: pixels would be skipped")
        if larger_side not in LARGER_SIDES:
            raise ValueError(f"larger_side is {larger_side!r}; it must be one of {', '.join(LARGER_SIDES)}")
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.kernel_initializer = tf.keras.initializers.get(kernel_initializer)
        self.larger_side = larger_side
        self.use_bias = use_bias

    def build(self, input_shape):
        """Creates the kernel [k, k, C, filters] and, with `use_bias`, the bias [filters]."""
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, input_shape[-1], self.filters),
            initializer=self.kernel_initializer,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        super().build(input_shape)

    def call(self, inputs, kernel=None):
        """Convolves; `kernel` replaces the layer's own one (spectral normalisation passes its scaled copy)."""
        inputs = pad(inputs, self.kernel_size - self.strides, self.larger_side, self.padding)
        x = tf.nn.conv2d(inputs, self.kernel if kernel is None else kernel, self.strides, "VALID")
        return tf.nn.bias_add(x, self.bias) if self.use_bias else x

    def compute_output_shape(self, input_shape):
        """[N, H, W, C] -> [N, H/s, W/s, filters], unknown sizes staying unknown."""
        batch, height, width, _ = input_shape
        rows, columns = (None if size is None else -(-size // self.strides) for size in (height, width))
        return (batch, rows, columns, self.filters)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "kernel_initializer": tf.keras.initializers.serialize(self.kernel_initializer),
            "larger_side": self.larger_side,
            "use_bias": self.use_bias,
        }


def pad(images, total, larger_side="before", mode="REFLECT"):
    """Images [N, H, W, C] with `total` more rows and columns, split evenly but for an odd one on the larger side."""
    if not total:
        return images
    sides = split(total, larger_side)
    return tf.pad(images, [[0, 0], sides, sides, [0, 0]], mode=mode)


def split(total, larger_side="before"):
    """`total` rows or columns as (before, after)."""
    larger, smaller = total - total // 2, total // 2
    return (larger, smaller) if larger_side == "before" else (smaller, larger)
