"""Fingerprints of images: near-duplicates differ in few bits."""

from __future__ import annotations

import cv2
import numpy as np

from animegan3_tf.common import images


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


_FLAT = 6  # bits


def is_flat(value: int) -> bool:
    """Whether a `difference_hash` has so few bits set, or clear, that it is of a nearly empty image: all are alike."""
    return not _FLAT <= bin(value).count("1") <= 64 - _FLAT


def hamming(a: int, b: int) -> int:
    """Counts the bits in which two hashes differ."""
    return bin(a ^ b).count("1")


_SIDE, _LOW = 64, 16  # 8x8 frequencies are too few here: levelled faces have most of those in common
_NOISE = 0.01  # of the transform; flat images would have random bits
_BITS_SET = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def perceptual_hash(rgb: np.ndarray) -> bytes:
    """Computes which of the 16x16 lowest frequencies of an image lie above their median (pHash).

    The cosine transform is that of a gray copy of 64x64 pixels; brightness and contrast do not change the bits.

    Args:
        rgb: uint8 [H, W, 3].

    Returns:
        32 bytes, one bit a frequency, row by row, the first in the highest bit.
    """
    gray = cv2.cvtColor(images.resize(rgb, (_SIDE, _SIDE)), cv2.COLOR_RGB2GRAY).astype(np.float32)
    low = cv2.dct(gray)[:_LOW, :_LOW]
    low[0, 0] = 0.0  # the mean brightness says nothing
    return np.packbits(low - np.median(low) > _NOISE).tobytes()


class SeenImages:
    """Hashes of images by name; finds the one that is nearest to another."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._hashes = bytearray()

    def add(self, name: str, fingerprint: bytes) -> None:
        """Remembers an image."""
        self._names.append(name)
        self._hashes += fingerprint

    def nearest(self, fingerprint: bytes) -> tuple[str | None, int]:
        """Finds the nearest image.

        Args:
            fingerprint: The `perceptual_hash` of another image.

        Returns:
            The name of the nearest image, the first of several, and the number of bits that differ; None and all bits
            when there are no images yet.
        """
        if not self._names:
            return None, 8 * len(fingerprint)
        rows = np.frombuffer(self._hashes, np.uint8).reshape(len(self._names), -1)
        distances = _BITS_SET[rows ^ np.frombuffer(fingerprint, np.uint8)].sum(axis=1, dtype=np.int64)
        best = int(distances.argmin())
        return self._names[best], int(distances[best])
