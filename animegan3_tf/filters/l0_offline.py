"""L0 gradient minimisation of one image on the host, for targets made before training."""

from __future__ import annotations

import numpy as np
from scipy import fft


def l0_smooth_offline(image: np.ndarray, lam: float, kappa: float = 2.0, beta_max: float = 1e5) -> np.ndarray:
    """Does what `l0_smooth` does, with one image and without TensorFlow.

    Args:
        image: Float array [H, W, 3] in [0, 1].
        lam: See `l0_smooth`.
        kappa: See `l0_smooth`.
        beta_max: See `l0_smooth`.

    Returns:
        float32 [H, W, 3], not clipped.

    Raises:
        ValueError: `lam` is not above 0, or `kappa` not above 1.
    """
    betas = penalties(lam, kappa, beta_max)
    planes = np.array(np.moveaxis(image, -1, 0), np.float32, order="C")  # [3, H, W], a copy to work in
    size = planes.shape[1:]
    power = _gradient_power(*size)
    spectrum = fft.rfft2(planes, axes=(1, 2))
    across, down, kept = (np.empty_like(planes) for _ in range(3))
    energy, square = (np.empty(size, np.float32) for _ in range(2))
    for beta in betas:
        _forward_difference(planes, 2, out=across)
        _forward_difference(planes, 1, out=down)
        energy.fill(0)
        for gradient in (*across, *down):
            np.multiply(gradient, gradient, out=square)
            energy += square
        # Multiplied by 0 or 1, not picked by a mask: several times as fast.
        large = (energy >= lam / beta).astype(np.float32)
        across *= large
        down *= large
        _divergence(across, down, out=kept)
        kept *= np.float32(beta)
        solution = fft.rfft2(kept, axes=(1, 2), overwrite_x=True)
        # A divergence has no mean; beta would turn the remainder that rounding leaves into a shift of brightness.
        solution[:, 0, 0] = 0
        solution += spectrum
        solution *= 1 / (1 + np.float32(beta) * power)
        planes = fft.irfft2(solution, s=size, axes=(1, 2), overwrite_x=True)
    return np.ascontiguousarray(np.moveaxis(planes, 0, -1))


def penalties(lam: float, kappa: float, beta_max: float) -> list[float]:
    """Returns the penalty of each round: 2 lam, growing by the factor kappa, while below beta_max.

    Args:
        lam: See `l0_smooth`.
        kappa: See `l0_smooth`.
        beta_max: See `l0_smooth`.

    Returns:
        The penalties, at least one.

    Raises:
        ValueError: `lam` is not above 0, or `kappa` not above 1.
    """
    if not lam > 0:
        raise ValueError(f"lam is {lam}; it must be above 0 (0.005 is light, 0.02 strong)")
    if not kappa > 1:
        raise ValueError(f"kappa is {kappa}; it must be above 1, or the penalty never grows")
    betas = [2.0 * lam]
    while betas[-1] * kappa < beta_max:
        betas.append(betas[-1] * kappa)
    return betas


def _gradient_power(height: int, width: int) -> np.ndarray:
    """Computes the squared magnitude of the two difference filters in the frequency domain: [H, W/2+1]."""
    down = 2 - 2 * np.cos(2 * np.pi * np.arange(height) / height)
    across = 2 - 2 * np.cos(2 * np.pi * np.arange(width // 2 + 1) / width)
    return np.add.outer(down, across).astype(np.float32)


def _forward_difference(planes: np.ndarray, axis: int, out: np.ndarray) -> None:
    """Writes the next value along the axis minus this one, circular."""
    inner, last, first = (_along(axis, part) for part in (slice(None, -1), slice(-1, None), slice(None, 1)))
    np.subtract(planes[_along(axis, slice(1, None))], planes[inner], out=out[inner])
    np.subtract(planes[first], planes[last], out=out[last])


def _divergence(across: np.ndarray, down: np.ndarray, out: np.ndarray) -> None:
    """Writes the transposed differences of both gradients, added up, circular."""
    np.add(across, down, out=out)
    np.negative(out, out=out)
    for gradient, axis in ((across, 2), (down, 1)):
        out[_along(axis, slice(1, None))] += gradient[_along(axis, slice(None, -1))]
        out[_along(axis, slice(None, 1))] += gradient[_along(axis, slice(-1, None))]


def _along(axis: int, part: slice) -> tuple[slice, ...]:
    """Returns an index that takes the part along one axis of [3, H, W]."""
    return tuple(part if axis == other else slice(None) for other in range(3))
