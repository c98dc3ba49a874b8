"""Scores of single images against their photos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from animegan3_tf.data.colors import in_threads
from animegan3_tf.evaluation.color_shift import ciede2000_shift, yuv_shift
from animegan3_tf.evaluation.edge_retention import edge_retention
from animegan3_tf.evaluation.flatness import flatness
from animegan3_tf.evaluation.perceptual_distance import PerceptualDistance
from animegan3_tf.evaluation.score import Score
from animegan3_tf.evaluation.ssim import multi_scale_ssim
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, read_image, resize

SIDE = 256  # pixels of the short side at which an image is compared with its photo


PAIR_SCORES = (
    Score("content_distance", "", "lower"),  # named by the network that measures it
    Score("ms_ssim", "MS-SSIM to the photo", "higher"),
    Score("ciede2000", "colour shift from the photo, CIEDE2000", ""),
    Score("yuv", "colour shift from the photo, YUV", ""),
    Score("edge_retention", "edges of the photo that are kept", "higher"),
    Score("flatness", "flat pixels (3x3 within 6 of 255)", ""),
    Score("photo_flatness", "flat pixels of the photos, for comparison", ""),
)


def score_pairs(
    pairs: dict[Path, Path],
    distance: PerceptualDistance | None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, np.ndarray]:
    """Measures PAIR_SCORES of images.

    An image is reduced until its short side is 256 pixels, and its photo is resized to that shape, so that the scores
    do not depend on the sizes of the files.

    Args:
        pairs: {generated image: its photo}.
        distance: The perceptual distance, if any.
        max_pixels: The limit for images that are read.
        on_progress: Called with (images done, all images, name) after each image.

    Returns:
        {key: float64 [N]} in the order of the pairs; NaN where there is no number.
    """
    scores = {score.key: np.full(len(pairs), np.nan) for score in PAIR_SCORES}

    def read(pair: tuple[Path, Path]) -> tuple[np.ndarray, np.ndarray, dict[str, float | None]] | None:
        path, photo = pair
        try:
            small = _reduced(read_image(path, max_pixels).on_white())
            beside = resize(read_image(photo, max_pixels).on_white(), (small.shape[0], small.shape[1]))
        except ImageError:  # `rejected` lists it already
            return None
        found = {
            "ciede2000": ciede2000_shift(beside, small),
            "yuv": yuv_shift(beside, small),
            "edge_retention": edge_retention(beside, small),
            "flatness": flatness(small),
            "photo_flatness": flatness(beside),
        }
        return beside, small, found

    for number, (path, done) in enumerate(zip(pairs, in_threads(read, pairs.items()))):
        if done is not None:
            photo, small, found = done
            found["ms_ssim"] = multi_scale_ssim(photo, small)
            found["content_distance"] = distance(photo, small) if distance else None
            for key, value in found.items():
                scores[key][number] = np.nan if value is None else value
        if on_progress:
            on_progress(number + 1, len(pairs), path.name)
    return scores


def _reduced(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    scale = min(1.0, SIDE / min(height, width))
    return resize(rgb, (max(1, round(height * scale)), max(1, round(width * scale))))
