"""Linearly Adaptive Denormalisation, AnimeGANv3's normalisation layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tensorflow as tf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Gradient = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]

FORMS = ("covariance", "direct")
EPSILON = 1e-5  # DTGAN's; small enough for float16 GPU delegates to keep (their smallest normal number is 6e-5)


@tf.keras.utils.register_keras_serializable(package="animegan3_tf")
class LADE(tf.keras.layers.Layer):
    """Normalises a feature map and gives it the moments of a 1x1 convolution of itself (DTGAN, IEICE E107-D 2024).

    With t = x @ W:  y = (x - mean(x)) / sqrt(var(x) + epsilon) * sqrt(var(t) + epsilon) + mean(t),
    moments per image and channel over height and width, in float32 under mixed precision.

    Input and output [N, H, W, C].

    Args:
        form: Two forms of the same function. "direct" builds t. "covariance" does not: with mean m and covariance C of
            x, mean(t) = W'm and var(t) = diag(W'CW). Its gradient is written out, which takes half the time of the
            recorded one; it has no second derivatives.
        epsilon: DTGAN's is 1e-5; some published weights have another.

    Raises:
        ValueError: `form` is not known.
    """

    def __init__(self, form: str = "covariance", epsilon: float = EPSILON, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if form not in FORMS:
            raise ValueError(f"form is {form!r}; it must be one of {', '.join(FORMS)}")
        self.form = form
        self.epsilon = epsilon

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the kernel [1, 1, C, C] of the linear map."""
        channels = input_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(1, 1, channels, channels), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, kernel: tf.Tensor | None = None) -> tf.Tensor:
        """Denormalises; `kernel` replaces the layer's own one (spectral normalisation passes its scaled copy)."""
        if self.form == "covariance":
            kernel = tf.cast(self.kernel if kernel is None else kernel, tf.float32)
            return _denormalise(inputs, kernel, self.epsilon)
        return self.apply(inputs, *self.statistics(inputs, kernel))

    def statistics(self, inputs: tf.Tensor, kernel: tf.Tensor | None = None) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Computes what depends on the whole image: mean, scale and shift, float32 [N, 1, 1, C] each."""
        kernel = tf.cast(self.kernel if kernel is None else kernel, tf.float32)[0, 0]  # [C, C]
        x = tf.cast(inputs, tf.float32)
        mean = tf.reduce_mean(x, axis=[1, 2], keepdims=True)
        moments = self._covariance_moments if self.form == "covariance" else self._direct_moments
        variance, target_variance = moments(x - mean, kernel)
        # rsqrt and one multiply-add: the textbook order of operations crashes TF 2.15's oneDNN graph rewrite on CPUs.
        scale = tf.math.rsqrt(variance + self.epsilon) * tf.sqrt(target_variance + self.epsilon)
        return mean, scale, tf.einsum("nhwc,cd->nhwd", mean, kernel)

    def apply(self, inputs: tf.Tensor, mean: tf.Tensor, scale: tf.Tensor, shift: tf.Tensor) -> tf.Tensor:
        """Denormalises with given `statistics`."""
        return tf.cast((tf.cast(inputs, tf.float32) - mean) * scale + shift, inputs.dtype)

    def statistics_shapes(self) -> list[tuple[int, ...]]:
        """The shape of each of the `statistics` of one image."""
        return [(1, 1, 1, self.kernel.shape[-1])] * 3

    @staticmethod
    def _covariance_moments(centred: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Variances of x and of t from the C x C covariance of x."""
        covariance = _covariance(_positions(centred))
        variance, target_variance, _ = _variances(covariance, kernel)
        return variance[:, None, None], target_variance[:, None, None]

    @staticmethod
    def _direct_moments(centred: tf.Tensor, kernel: tf.Tensor) -> Iterator[tf.Tensor]:
        """Variances of x and of t from both feature maps; centring commutes with the linear map."""
        linear = tf.einsum("nhwc,cd->nhwd", centred, kernel)
        return (tf.reduce_mean(tf.square(m), axis=[1, 2], keepdims=True) for m in (centred, linear))

    def compute_output_shape(self, input_shape: tf.TensorShape) -> tf.TensorShape:
        """The input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {**super().get_config(), "form": self.form, "epsilon": self.epsilon}


def _denormalise(inputs: tf.Tensor, kernel: tf.Tensor, epsilon: float) -> tf.Tensor:
    """LADE from the covariance: [N, H, W, C] and a float32 kernel [1, 1, C, C] to [N, H, W, C]."""
    return tf.custom_gradient(lambda x, weights: _with_gradient(x, weights, epsilon))(inputs, kernel)


def _with_gradient(inputs: tf.Tensor, kernel: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, Gradient]:
    """As `_denormalise`, with the function that gives its gradient.

    The recorded gradient would pass several times over maps of the input's size; this one needs a product with a
    C x C matrix per image, as the covariance is all that the target's moments depend on.
    """
    weights = kernel[0, 0]
    mean = tf.reduce_mean(tf.cast(inputs, tf.float32), axis=[1, 2], keepdims=True)
    centred = tf.cast(inputs, tf.float32) - mean
    flat = _positions(centred)  # [N, H*W, C]
    covariance = _covariance(flat)
    variance, target_variance, products = _variances(covariance, weights)
    inverse, target = tf.math.rsqrt(variance + epsilon), tf.sqrt(target_variance + epsilon)  # [N, C]
    scale = (inverse * target)[:, None, None]
    shift = tf.matmul(mean[:, 0, 0], weights)[:, None, None]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        up = tf.cast(upstream, tf.float32)
        # half-precision inputs are kept as they came, in half the memory
        x = centred if inputs.dtype == tf.float32 else tf.cast(inputs, tf.float32) - mean
        d_shift, d_scale = tf.reduce_sum(up, axis=[1, 2]), tf.reduce_sum(up * x, axis=[1, 2])  # [N, C]
        d_variance = -0.5 * d_scale * target * inverse**3
        d_target = 0.5 * d_scale * inverse / target  # of the target's variance
        # C enters by its diagonal and by diag(W'CW)
        d_covariance = tf.linalg.diag(d_variance) + tf.matmul(
            weights * d_target[:, None], weights[None], transpose_b=True
        )
        d_weights = tf.reduce_sum(2.0 * products * d_target[:, None], axis=0)
        d_weights += tf.matmul(mean[:, 0, 0], d_shift, transpose_a=True)
        positions = tf.cast(tf.reduce_prod(tf.shape(inputs)[1:3]), tf.float32)
        through = tf.reshape(tf.matmul(_positions(x), 2.0 / positions * d_covariance), tf.shape(inputs))
        # the mean's own part; centring subtracts the mean of the direct path
        constant = (tf.matmul(d_shift, weights, transpose_b=True) - d_shift * scale[:, 0, 0]) / positions
        d_inputs = up * scale + (through + constant[:, None, None])
        return tf.cast(d_inputs, inputs.dtype), d_weights[None, None]

    return tf.cast(centred * scale + shift, inputs.dtype), gradient


def _positions(images: tf.Tensor) -> tf.Tensor:
    """[N, H, W, C] to [N, H*W, C]."""
    shape = tf.shape(images)
    return tf.reshape(images, [shape[0], shape[1] * shape[2], images.shape[-1]])


def _covariance(flat: tf.Tensor) -> tf.Tensor:
    """[N, P, C], centred, to [N, C, C]."""
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(tf.shape(flat)[1], tf.float32)


def _variances(covariance: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """diag(C) and diag(W'CW), float32 [N, C] each, and the product CW [N, C, C]."""
    # the diagonal, in ops that TFLite has
    variance = tf.reduce_sum(covariance * tf.eye(covariance.shape[-1]), axis=2)
    products = tf.einsum("nij,jk->nik", covariance, weights)
    # semi-definite up to rounding
    return variance, tf.nn.relu(tf.reduce_sum(weights * products, axis=1)), products
