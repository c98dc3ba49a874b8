"""A short hash of what a picture looks like, cheap enough for whole data sets of mixed pictures.

Pictures that look alike differ in few bits. Levelled faces all look alike to it: those want `perceptual_hash`.
"""

import cv2
import numpy as np


def difference_hash(rgb):
    """The 64-bit difference hash (dHash) of a uint8 picture [H, W, 3].

    Reduced to 9x8 grey values, a bit tells whether a value is above its left neighbour. Size, compression and
    brightness hardly change it; cropping and mirroring do.
    """
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (9, 8), interpolation=cv2.INTER_AREA).astype(np.int16)
    bits = np.packbits(small[:, 1:] > small[:, :-1])
    return int.from_bytes(bits.tobytes(), "big")


def hamming(a, b):
    """In how many bits two hashes differ."""
    return bin(a ^ b).count("1")
