"""Resizing of images for a network, in the ways of those who published distances."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from PIL import Image

_PILLOW = {
    "bilinear, antialiased": Image.Resampling.BILINEAR,
    "bicubic, antialiased": Image.Resampling.BICUBIC,  # clean-fid's
}
# whether pixels have their colour in the middle, as in PyTorch's `interpolate`, or in a corner, as in TensorFlow 1
_PLAIN = {"bilinear, not antialiased": True, "bilinear of TensorFlow 1": False}
RESIZINGS = (*_PILLOW, *_PLAIN)


def resize_for(image: np.ndarray, size_hw: tuple[int, int], resizing: str) -> np.ndarray:
    """Resizes an image; how it is done moves every distance between sets (Parmar et al. 2022).

    Antialiased, each channel goes through Pillow in floating point and is clipped, never rounded, as clean-fid does it:
    the filter widens as the image shrinks. Otherwise TensorFlow's `ResizeBilinear` reads two pixels along each axis:
    with centred pixels as pytorch-fid does it, with cornered pixels as the graph of 2015 does it itself.

    Args:
        image: [H, W, C] in [0, 255].
        size_hw: (h, w).
        resizing: One of RESIZINGS.

    Returns:
        float32 [h, w, C] in [0, 255].
    """
    floats = np.asarray(image, np.float32)
    if image.shape[:2] == size_hw:
        return np.ascontiguousarray(floats)
    if resizing in _PLAIN:
        centred = _PLAIN[resizing]
        return tf.raw_ops.ResizeBilinear(images=floats[None], size=size_hw, half_pixel_centers=centred)[0].numpy()
    height, width = size_hw
    channels = [Image.fromarray(channel) for channel in np.ascontiguousarray(np.moveaxis(floats, -1, 0))]
    resized = [np.asarray(channel.resize((width, height), _PILLOW[resizing])) for channel in channels]
    return np.stack(resized, axis=-1).clip(0.0, 255.0)
