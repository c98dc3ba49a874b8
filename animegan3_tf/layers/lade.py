"""Linearly Adaptive Denormalisation, AnimeGANv3's normalisation layer."""

import tensorflow as tf

FORMS = ("covariance", "direct")
EPSILON = 1e-5  # DTGAN's; small enough for float16 GPU delegates to keep (their smallest normal number is 6e-5)


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class LADE(tf.keras.layers.Layer):
    """Normalises a feature map and gives it the moments of a 1x1 convolution of itself (DTGAN, IEICE E107-D 2024).

    With t = x @ W:  y = (x - mean(x)) / sqrt(var(x) + 1e-5) * sqrt(var(t) + 1e-5) + mean(t),
    moments per picture and channel over height and width.

    `form="covariance"` never builds t: with mean m and covariance C of x, mean(t) = W'm and var(t) = diag(W'CW).
    `form="direct"` builds t; the two are the same function. Moments are taken in float32 under mixed precision.

    Input and output [N, H, W, C].
    """

    def __init__(self, form="covariance", **kwargs):
        super().__init__(**kwargs)
        if form not in FORMS:
            raise ValueError(f"form is {form!r}; it must be one of {', '.join(FORMS)}")
        self.form = form

    def build(self, input_shape):
        """Creates the kernel [1, 1, C, C] of the linear map."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(1, 1, channels, channels), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, inputs, kernel=None):
        """Denormalises; `kernel` replaces the layer's own one (spectral normalisation passes its scaled copy)."""
        return self.apply(inputs, *self.statistics(inputs, kernel))

    def statistics(self, inputs, kernel=None):
        """What the layer takes from the whole picture: mean, scale and shift, float32 [N, 1, 1, C] each."""
        kernel = tf.cast(self.kernel if kernel is None else kernel, tf.float32)[0, 0]  # [C, C]
        x = tf.cast(inputs, tf.float32)
        mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
        moments = self._covariance_moments if self.form == "covariance" else self._direct_moments
        variance, target_variance = moments(x - mean, kernel)
        # rsqrt and one multiply-add: the textbook order of operations crashes TF 2.15's oneDNN graph rewrite on CPUs.
        scale = tf.math.rsqrt(variance + EPSILON) * tf.sqrt(target_variance + EPSILON)
        return mean, scale, tf.einsum("nhwc,cd->nhwd", mean, kernel)

    def apply(self, inputs, mean, scale, shift):
        """The normalisation itself, with given statistics."""
        return tf.cast((tf.cast(inputs, tf.float32) - mean) * scale + shift, inputs.dtype)

    def statistics_shapes(self):
        """The shape of each of the `statistics` of one picture."""
        return [(1, 1, 1, self.kernel.shape[-1])] * 3

    @staticmethod
    def _covariance_moments(centred, kernel):
        """Variances of x and of t from the C x C covariance of x, positive semi-definite up to rounding."""
        shape = tf.shape(centred)
        flat = tf.reshape(centred, [shape[0], shape[1] * shape[2], centred.shape[-1]])  # [N, H*W, C]
        covariance = tf.matmul(flat, flat, transpose_a=True) / tf.cast(shape[1] * shape[2], tf.float32)  # [N, C, C]
        # the diagonal, in ops that TFLite has
        variance = tf.reduce_sum(covariance * tf.eye(centred.shape[-1]), axis=2)
        target_variance = tf.reduce_sum(kernel * tf.einsum("nij,jk->nik", covariance, kernel), axis=1)
        return variance[:, None, None], tf.nn.relu(target_variance)[:, None, None]

    @staticmethod
    def _direct_moments(centred, kernel):
        """Variances of x and of t from both feature maps; centring commutes with the linear map."""
        linear = tf.einsum("nhwc,cd->nhwd", centred, kernel)
        return (tf.reduce_mean(tf.square(m), axis=[1, 2], keepdims=True) for m in (centred, linear))

    def compute_output_shape(self, input_shape):
        """The input's shape."""
        return input_shape

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "form": self.form}
