"""Colour differences between an image and its photo."""

from __future__ import annotations

import numpy as np
from skimage import color


def ciede2000_shift(photo: np.ndarray, image: np.ndarray) -> float:
    """Computes the mean CIEDE2000 difference of two images, pixel by pixel.

    scikit-image's `deltaE_ciede2000` on CIE Lab under D65, which agrees with the 34 pairs of Sharma et al. (2005)
    within 1e-4.

    Args:
        photo: uint8 RGB [H, W, 3].
        image: uint8 RGB [H, W, 3], of the same size.

    Returns:
        0 or more; a difference of about 1 is just visible.
    """
    difference = color.deltaE_ciede2000(color.rgb2lab(photo), color.rgb2lab(image))
    return float(difference.mean())


def yuv_shift(photo: np.ndarray, image: np.ndarray) -> float:
    """Computes the mean absolute difference of two images in BT.601 YUV (scikit-image's `rgb2yuv`).

    Args:
        photo: uint8 RGB [H, W, 3].
        image: uint8 RGB [H, W, 3], of the same size.

    Returns:
        The mean over pixels and the three channels, for images of range [0, 1].
    """
    return float(np.abs(color.rgb2yuv(photo) - color.rgb2yuv(image)).mean())
