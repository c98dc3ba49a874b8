"""Coloured non-local means inside the graph, following OpenCV's computation on 8-bit images step by step."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

# Linear RGB to XYZ over the D65 white, in OpenCV's units of 1/4096.
_WHITE = np.array([0.950456, 1.0, 1.088754])
_RGB_TO_XYZ = (
    np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
    / _WHITE[:, None]
)
_XYZ_TO_RGB = np.linalg.inv(_RGB_TO_XYZ)
_UNIT = 4096
# CIE Lab replaces the cube root by a line of this slope below this value.
_DARK, _SLOPE, _INTERCEPT = 216 / 24389, 841 / 108, 16 / 116


def nl_means(images: tf.Tensor, h: float, h_color: float, template: int, search: int) -> tf.Tensor:
    """Denoises by averaging pixels whose surroundings look alike (Buades et al. 2005), as OpenCV does for colour.

    Agrees with `cv2.fastNlMeansDenoisingColored` within 0.06/255 on average. For that it works on 8-bit Lab made from
    linear RGB, rounds where OpenCV rounds, and takes the first channel for blue, since upstream passes RGB where
    OpenCV expects BGR. Results are multiples of 1/255 and, like OpenCV's, end at 254/255, because the conversion from
    Lab truncates.

    No gradient flows back: the result is a target. `tf.function(nl_means, jit_compile=True)` compiles once a shape
    (seconds) and then runs two to three times faster.

    Args:
        images: Float tensor [N, H, W, 3] in [0, 1]; computed in float32 whatever the dtype. H and W must exceed
            template//2 + search//2.
        h: Strength for lightness, a Python number.
        h_color: Strength for both colour channels together, a Python number.
        template: Width in pixels of the patches compared, a Python integer. As in OpenCV an even width counts as the
            next odd one.
        search: Width in pixels of the area searched, likewise.

    Returns:
        Tensor of the same shape and dtype.
    """
    planes = tf.unstack(tf.cast(tf.stop_gradient(images), tf.float32), axis=-1)
    lab = tf.stack(_to_lab8(*planes))  # [3, N, H, W]
    lab = _denoise(lab, h, h_color, template // 2, search // 2)
    rgb = tf.stack(_from_lab8(*tf.unstack(tf.round(lab))), axis=-1)  # [N, H, W, 3]
    return tf.cast(tf.stop_gradient(rgb), images.dtype)


def _denoise(lab: tf.Tensor, h: float, h_color: float, patch: int, reach: int) -> tf.Tensor:
    """Averages over all offsets up to `reach`, with weights from patches of half width `patch`: [3, N, H, W] to same.

    An offset and its opposite compare the same pairs of patches, so one distance map, wider by the offset, serves
    both: half the offsets are enough. Each takes a handful of plain operations on small maps, which stay in the cache;
    stacking the offsets as channels took 1.7 times as long on a CPU.
    """
    border = patch + reach
    padded = tf.pad(lab, [[0, 0], [0, 0], [border, border], [border, border]], "REFLECT")
    pixels = (2 * patch + 1) ** 2
    # OpenCV divides the summed distance by the next power of two, drops the rest and scales back.
    bin_size = 2 ** int(np.ceil(np.log2(pixels)))
    strength = np.array([h * h, 2.0 * h_color * h_color], np.float32)[:, None, None, None]
    decay = -np.float32(bin_size / pixels) / strength

    lightness, color = lab[:1], lab[1:]
    # The pixel itself has weight one. Negative, as TensorFlow turns a chain of additions into AddN, which begins with
    # whichever of these maps nobody else reads any more: sums would differ from run to run in their last bit.
    minus_total = -tf.ones_like(lab[:2])
    for dy, dx in _half_of_the_offsets(reach):
        right, left = max(dx, 0), max(-dx, 0)
        near = _crop(padded, reach - dy, reach, reach - right, reach - left)
        far = _crop(padded, reach, reach - dy, reach - left, reach - right)
        square = tf.math.squared_difference(near, far)
        distance = _box_sum(tf.stack([square[0], square[1] + square[2]]), patch)  # [2, N, H+dy, W+|dx|]
        weight = tf.exp(tf.floor(distance / bin_size) * decay)
        weight = tf.where(weight < 0.001, 0.0, weight)
        for weight_here, sign in ((_crop(weight, dy, 0, right, left), 1), (_crop(weight, 0, dy, left, right), -1)):
            y, x = sign * dy, sign * dx
            value = _crop(padded, border + y, border - y, border + x, border - x)
            lightness += weight_here[:1] * value[:1]
            color += weight_here[1:] * value[1:]
            minus_total -= weight_here
    return tf.concat([lightness / -minus_total[:1], color / -minus_total[1:]], axis=0)


def _half_of_the_offsets(reach: int) -> list[tuple[int, int]]:
    """Returns one of each pair of opposite offsets (dy, dx), without zero."""
    span = range(-reach, reach + 1)
    return [(dy, dx) for dy in range(reach + 1) for dx in span if dy > 0 or dx > 0]


def _crop(planes: tf.Tensor, top: int, bottom: int, left: int, right: int) -> tf.Tensor:
    """Cuts the given number of pixels off each side of [..., H, W]."""
    return planes[..., top : -bottom or None, left : -right or None]


def _box_sum(planes: tf.Tensor, radius: int) -> tf.Tensor:
    """Sums over the (2 radius + 1)-pixel square windows that fit: [..., H, W] to [..., H-2r, W-2r]."""
    size = 2 * radius
    rows = tf.add_n([_crop(planes, shift, size - shift, 0, 0) for shift in range(size + 1)])
    return tf.add_n([_crop(rows, 0, 0, shift, size - shift) for shift in range(size + 1)])


def _to_lab8(blue: tf.Tensor, green: tf.Tensor, red: tf.Tensor) -> list[tf.Tensor]:
    """Converts linear RGB in [0, 1] to Lab, integers 0..255, by formulas for OpenCV's tables of 255 * 8 steps."""
    weights = np.rint(_RGB_TO_XYZ * _UNIT) / _UNIT
    steps = 255 * 8

    def response(to_red: float, to_green: float, to_blue: float) -> tf.Tensor:
        # Written out: a matrix product would run in TF32 on recent GPUs and round to other numbers.
        value = tf.round((to_red * red + to_green * green + to_blue * blue) * steps) / steps
        value = tf.maximum(value, 0.0)
        return tf.where(value > _DARK, value ** (1 / 3), value * _SLOPE + _INTERCEPT)

    x, y, z = (response(*row.tolist()) for row in weights)
    # 296 and 40.8 are OpenCV's integer forms of 116 * 2.55 and 16 * 2.55.
    lab = 296.0 * y - 40.8, 500.0 * (x - y) + 128.0, 200.0 * (y - z) + 128.0
    return [tf.clip_by_value(tf.round(channel), 0.0, 255.0) for channel in lab]


def _from_lab8(lightness: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Converts Lab in 0..255 to linear blue, green, red: multiples of 1/255, truncated as OpenCV does."""
    y = (lightness / 2.55 + 16.0) / 116.0
    responses = y + (a - 128.0) / 500.0, y, y - (b - 128.0) / 200.0
    xyz = [tf.where(f > 6 / 29, f * f * f, (f - _INTERCEPT) / _SLOPE) for f in responses]

    def level(row: np.ndarray) -> tf.Tensor:
        value = sum(weight * channel for weight, channel in zip(row.tolist(), xyz))
        step = tf.clip_by_value(tf.round(value * _UNIT), 0.0, _UNIT - 1.0)
        return tf.floor(step * 255.0 / _UNIT) / 255.0

    red, green, blue = (level(row) for row in _XYZ_TO_RGB)
    return blue, green, red
