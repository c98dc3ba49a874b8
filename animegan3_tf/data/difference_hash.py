"""A short hash of an image's looks, cheap enough for whole data sets of mixed images.

Images that look alike differ in few bits. It does not tell levelled faces apart; `perceptual_hash` does.
"""

from __future__ import annotations

import cv2
import numpy as np


def difference_hash(rgb: np.ndarray) -> int:
    """Computes the 64-bit difference hash (dHash) of an image.

    The image is reduced to 9x8 grey values; a bit is set where a value is above its left neighbour. Size, compression
    and brightness hardly change the hash; cropping and mirroring do.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        The 64 bits, row by row, the first in the highest bit.
    """
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def hamming(a: int, b: int) -> int:
    """Counts the bits in which two hashes differ."""
    return bin(a ^ b).count("1")
