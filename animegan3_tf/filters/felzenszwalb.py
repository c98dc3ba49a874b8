"""Superpixels: an image as regions of one colour each, the target of region smoothing."""

from __future__ import annotations

import numpy as np
from skimage.segmentation import felzenszwalb


def superpixels(image: np.ndarray, scale: float = 5.0, sigma: float = 0.8, min_size: int = 50) -> np.ndarray:
    """Paints every region of a graph-based segmentation (Felzenszwalb and Huttenlocher 2004) in its mean colour.

    Args:
        image: uint8 [H, W, 3].
        scale: Higher means larger regions.
        sigma: Blur before the segmentation, in pixels.
        min_size: Least number of pixels of a region.

    Returns:
        uint8 [H, W, 3]; mean colours are truncated to integers, as upstream's are.
    """
    labels = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size).ravel()
    pixels = np.bincount(labels)
    colors = np.empty((len(pixels), image.shape[-1]), np.uint8)
    for channel in range(image.shape[-1]):
        sums = np.bincount(labels, weights=image[..., channel].ravel())
        colors[:, channel] = sums // pixels
    return colors[labels].reshape(image.shape)
