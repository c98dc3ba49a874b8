"""What upstream computes in Python between its graph calls; no TensorFlow here, so that workers start quickly.

Written from a reading of the published AnimeGANv3 training scripts, to cost what they cost: same libraries, precision,
transforms and allocations, not the same code.
"""

from __future__ import annotations

import functools
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
from skimage.color import label2rgb
from skimage.segmentation import felzenszwalb

from animegan3_tf.workers import start_worker


class UpstreamHost:
    """The targets of a batch, a process a picture as upstream's joblib has it; a single picture in this process.

    settings: the style's `TargetSettings`.
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

    def superpixels(self, pictures):
        """Region targets of float [N, H, W, 3] in [-1, 1], the same."""
        return self._each(self._superpixels, pictures)

    def revisions(self, pictures):
        """Revision targets of float [N, H, W, 3] in [-1, 1], the same."""
        return self._each(self._revision, pictures)

    def close(self):
        """Ends the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def _each(self, function, pictures):
        return np.array(list((self._pool or _InThisProcess).map(function, pictures)))


class _InThisProcess:
    map = map


def superpixel_target(picture, min_size):
    """Felzenszwalb regions in their mean colour, by scikit-image alone: [H, W, 3] in [-1, 1], float32."""
    levels = _levels(picture)
    labels = felzenszwalb(levels, scale=5, sigma=0.8, min_size=min_size)
    return label2rgb(labels, levels, bg_label=-1, kind="avg").astype(np.float32) / 127.5 - 1.0


def revision_target(picture, nl_means, lam):
    """OpenCV's NL-means, then L0 smoothing in double precision: [H, W, 3] in [-1, 1], float32."""
    denoised = cv2.fastNlMeansDenoisingColored(_levels(picture), None, *nl_means)
    smooth = l0_smooth_double(denoised / 255, lam).astype(np.float32)
    return (smooth * 2.0 - 1.0).clip(-1.0, 1.0)


def l0_smooth_double(image, lam, kappa=2.0, beta_max=1e5):
    """L0 gradient minimisation (Xu et al. 2011) with float64 pictures and whole complex128 spectra.

    image: float64 [H, W, 3] in [0, 1]. Channels stay last, and every array is made anew in each of the two dozen
    rounds, as upstream's are.
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


def _levels(picture):
    return ((picture + 1.0) * 127.5).clip(0, 255).astype(np.uint8)


def _start_worker():
    start_worker()
    cv2.setNumThreads(-1)  # upstream's workers leave OpenCV all its threads
