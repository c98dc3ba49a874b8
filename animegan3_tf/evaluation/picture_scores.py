"""Every generated picture's own scores."""

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

SIDE = 256  # short side at which a picture is compared with its photo


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
    """{key of PAIR_SCORES: float64 [N]} for {generated picture: photo}, in order; NaN where there is no number.

    Both are reduced until the short side is 256, the photo to the picture's shape where they differ: numbers then do
    not depend on the files' sizes, nor memory on their number.
    """
    scores = {score.key: np.full(len(pairs), np.nan) for score in PAIR_SCORES}

    def read(pair):
        picture, photo = pair
        try:
            small = _reduced(read_image(picture, max_pixels).on_white())
            beside = resize(read_image(photo, max_pixels).on_white(), small.shape[:2])
        except ImageError:  # the folders' lists of features tell of it
            return None
        found = {
            "ciede2000": ciede2000_shift(beside, small),
            "yuv": yuv_shift(beside, small),
            "edge_retention": edge_retention(beside, small),
            "flatness": flatness(small),
            "photo_flatness": flatness(beside),
        }
        return beside, small, found

    for number, (picture, done) in enumerate(zip(pairs, in_threads(read, pairs.items()))):
        if done is not None:
            photo, small, found = done
            found["ms_ssim"] = multi_scale_ssim(photo, small)
            found["content_distance"] = distance(photo, small) if distance else None
            for key, value in found.items():
                scores[key][number] = np.nan if value is None else value
        if on_progress:
            on_progress(number + 1, len(pairs), picture.name)
    return scores


def _reduced(rgb):
    scale = min(1.0, SIDE / min(rgb.shape[:2]))
    return resize(rgb, tuple(max(1, round(side * scale)) for side in rgb.shape[:2]))
