"""Superpixels: a picture as regions of one colour each, the target of region smoothing."""

import numpy as np
from skimage.segmentation import felzenszwalb


def superpixels(image, scale=5.0, sigma=0.8, min_size=50):
    """Paints every region of a graph-based segmentation (Felzenszwalb and Huttenlocher 2004) in its mean colour.

    image: uint8 array [H, W, 3].
    scale: higher means larger regions; sigma: blur before segmentation; min_size: pixels a region has at least.
    Returns a uint8 array of the same shape; mean colours are truncated to integers, as upstream's are.
    """
    labels = felzenszwalb(image, scale=scale, sigma=sigma, min_size=min_size).ravel()
    pixels = np.bincount(labels)
    colors = np.empty((len(pixels), image.shape[-1]), np.uint8)
    for channel in range(image.shape[-1]):
        sums = np.bincount(labels, weights=image[..., channel].ravel())
        colors[:, channel] = sums // pixels
    return colors[labels].reshape(image.shape)
