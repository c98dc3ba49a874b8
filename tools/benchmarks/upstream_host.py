"""Upstream's computations in Python between its graph calls; without TensorFlow, so that workers start fast.

Written after the published AnimeGANv3 training scripts to take the time that they take: with the same libraries,
precision, transforms and allocations, but not the same code.
"""

from __future__ import annotations

import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
from skimage.color import label2rgb
from skimage.segmentation import felzenszwalb

from animegan3_tf.common.workers import start_worker


class UpstreamHost:
    """Makes the targets of a batch, in one process for each image as upstream does with joblib.

    Args:
        settings: The style's `TargetSettings`.
        batch_size: Images in a batch; a single one is processed in this process.
    """

    def __init__(self, settings, batch_size):
        self._superpixels = functools.partial(superpixel_target, min_size=settings.superpixel_min_size)
        self._revision = functools.partial(
            revision_target, nl_means=tuple(settings.nl_means), lam=settings.revision_l0_lambda
        )
        self._pool = None
        if batch_size > 1:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(batch_size, context, initializer=_start_worker)

    def superpixels(self, images):
        """Makes the region targets of images, float [N, H, W, 3] in [-1, 1] in and out."""
        return self._each(self._superpixels, images)

    def revisions(self, images):
        """Makes the revision targets of images, float [N, H, W, 3] in [-1, 1] in and out."""
        return self._each(self._revision, images)

    def close(self):
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _each(self, function, images):
        return np.array(list((self._pool or _InThisProcess).map(function, images)))


class _InThisProcess:
    map = map


def superpixel_target(image, min_size):
    """Paints Felzenszwalb regions in their mean colour, with scikit-image: [H, W, 3] in [-1, 1] to float32 alike."""
    levels = _levels(image)
    labels = felzenszwalb(levels, scale=5, sigma=0.8, min_size=min_size)
    return label2rgb(labels, levels, bg_label=-1, kind="avg").astype(np.float32) / 127.5 - 1.0


def revision_target(image, nl_means, lam):
    """Applies OpenCV's NL-means, then L0 smoothing in double precision: [H, W, 3] in [-1, 1] to float32 alike."""
    denoised = cv2.fastNlMeansDenoisingColored(_levels(image), None, *nl_means)
    smooth = l0_smooth_double(denoised / 255, lam).astype(np.float32)
    return (smooth * 2.0 - 1.0).clip(-1.0, 1.0)


def l0_smooth_double(image, lam, kappa=2.0, beta_max=1e5):
    """L0 gradient minimisation (Xu et al. 2011) with float64 images and whole complex128 spectra.

    Channels stay last, and every array is allocated again in each of the two dozen rounds, as upstream's are.

    Args:
        image: float64 [H, W, 3] in [0, 1].
        lam: The weight of the gradients, lambda in the paper.
        kappa: Growth of beta in each round.
        beta_max: Beta at which the rounds end.

    Returns:
        float64 [H, W, 3], about in [0, 1].
    """
    height, width, channels = image.shape
    down = 2 - 2 * np.cos(2 * np.pi * np.arange(height) / height)
    across = 2 - 2 * np.cos(2 * np.pi * np.arange(width) / width)
    power = np.repeat(np.add.outer(down, across)[..., None], channels, axis=2)
    spectrum = np.fft.fft2(image, axes=(0, 1))
    current, beta = image, 2 * lam
    while beta < beta_max:
        across = np.diff(current, axis=1, append=current[:, :1])
        down = np.diff(current, axis=0, append=current[:1])
        energy = np.sum(across**2 + down**2, axis=2)
        small = np.repeat((energy < lam / beta)[..., None], channels, axis=2)
        across[small] = 0
        down[small] = 0
        divergence = -np.diff(across, axis=1, prepend=across[:, -1:])
        divergence = divergence - np.diff(down, axis=0, prepend=down[-1:])
        solution = (spectrum + beta * np.fft.fft2(divergence, axes=(0, 1))) / (1 + beta * power)
        current = np.real(np.fft.ifft2(solution, axes=(0, 1)))
        beta *= kappa
    return current


def _levels(image):
    return ((image + 1.0) * 127.5).clip(0, 255).astype(np.uint8)


def _start_worker():
    start_worker()
    cv2.setNumThreads(-1)  # upstream's workers leave OpenCV all its threads
