"""Small picture folders for the tests of prepare."""

import hashlib

import cv2
import numpy as np


def picture(seed, side=32):
    """Discs on noise: edges to smooth, and no two seeds alike."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 110, (side, side, 3), dtype=np.uint8)
    for _ in range(3):
        cv2.circle(image, rng.integers(0, side, 2).tolist(), 6, rng.integers(0, 256, 3).tolist(), -1)
    return image


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def counts(report):
    return report.written, report.current, len(report.rejected)
