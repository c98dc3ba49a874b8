"""L0 gradient minimisation inside the graph: flat regions, sharp edges."""

from __future__ import annotations

import math

import tensorflow as tf

from animegan3_tf.filters.l0_offline import penalties


def l0_smooth(images: tf.Tensor, lam: float, kappa: float = 2.0, beta_max: float = 1e5) -> tf.Tensor:
    """Smooths images by keeping only the gradients that are worth `lam` each (Xu et al. 2011, algorithm 1).

    The borders are circular, and no gradient flows back: the result is a target.

    Args:
        images: Float tensor [N, H, W, 3] in [0, 1], any H and W; computed in float32 whatever the dtype.
        lam: Price of a pixel with a gradient; 0.005 for revision targets, 0.02 for region targets.
        kappa: Factor by which the penalty grows each round; a Python number, since it fixes the number of rounds.
        beta_max: Penalty at which the rounds end; a Python number too.

    Returns:
        Tensor of the same shape and dtype. It is not clipped and exceeds [0, 1] by up to a few hundredths.

    Raises:
        ValueError: `lam` is not above 0, or `kappa` not above 1.
    """
    betas = penalties(lam, kappa, beta_max)
    # Channels first: the FFT works on the two last axes.
    planes = tf.transpose(tf.cast(tf.stop_gradient(images), tf.float32), [0, 3, 1, 2])  # [N, 3, H, W]
    size = tf.shape(planes)[2:]
    power = _gradient_power(size[0], size[1])  # [H, W/2+1]
    spectrum = tf.signal.rfft2d(planes)
    schedule = tf.constant(betas, tf.float32)

    def refine(step: tf.Tensor, current: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        beta = schedule[step]
        kept = _divergence_of_large_gradients(current, lam / beta)
        scale = 1.0 / (1.0 + beta * power)
        # A divergence has no mean. The remainder that rounding leaves would be multiplied by beta, up to 1e5, and shift
        # the brightness.
        gain = tf.where(power > 0.0, beta * scale, 0.0)
        solution = spectrum * tf.cast(scale, tf.complex64) + tf.signal.rfft2d(kept) * tf.cast(gain, tf.complex64)
        smoother = tf.signal.irfft2d(solution, size)
        smoother.set_shape(current.shape)
        return step + 1, smoother

    # A loop is as fast as the two dozen rounds written out and traces ten times sooner. Its counter is an integer,
    # which stays on the host: a condition on beta would make a GPU wait in every round.
    _, planes = tf.while_loop(lambda step, _: step < len(betas), refine, (0, planes), parallel_iterations=1)
    return tf.cast(tf.stop_gradient(tf.transpose(planes, [0, 2, 3, 1])), images.dtype)


def _gradient_power(height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Computes the squared magnitude of the two difference filters in the frequency domain: [H, W/2+1]."""

    def power(count: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        # 4 sin^2(a/2), not 2 - 2 cos(a): that would lose the low frequencies to cancellation.
        half_angle = tf.range(tf.cast(count, tf.float32)) * math.pi / tf.cast(length, tf.float32)
        return 4.0 * tf.sin(half_angle) ** 2

    return power(height, height)[:, None] + power(width // 2 + 1, width)


def _divergence_of_large_gradients(planes: tf.Tensor, threshold: tf.Tensor) -> tf.Tensor:
    """Takes the divergence of the gradients of at least the threshold, summed over channels: [N, 3, H, W] to same."""
    across = tf.roll(planes, -1, axis=3) - planes
    down = tf.roll(planes, -1, axis=2) - planes
    energy = tf.reduce_sum(across * across + down * down, axis=1, keepdims=True)
    keep = tf.cast(energy >= threshold, tf.float32)
    across *= keep
    down *= keep
    return tf.roll(across, 1, axis=3) - across + tf.roll(down, 1, axis=2) - down
