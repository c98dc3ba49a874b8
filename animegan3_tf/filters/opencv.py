"""Offline filters by OpenCV: smoothed edges, salt, non-local means."""

from __future__ import annotations

import cv2
import numpy as np


def smooth_edges(image: np.ndarray, gray: np.ndarray | None = None, low: int = 100, high: int = 200) -> np.ndarray:
    """Blurs an image on and beside its edges only (the edge-smoothed data of CartoonGAN, Chen et al. 2018).

    Args:
        image: uint8 [H, W, 3], RGB.
        gray: uint8 [H, W] in which edges are searched; made from the image when left out. Upstream decodes the file a
            second time as gray, which differs by a rounding step in places and so can move an edge.
        low: The Canny detector's lower threshold.
        high: The Canny detector's upper threshold.

    Returns:
        uint8 [H, W, 3].
    """
    if gray is None:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    near_edge = cv2.dilate(cv2.Canny(gray, low, high), np.ones((5, 5), np.uint8)) != 0
    # In float32 the blur is exact, its 5x5 weights being multiples of 1/256. Upstream truncates where an 8-bit blur
    # would round.
    blurred = cv2.GaussianBlur(image.astype(np.float32), (5, 5), 0, borderType=cv2.BORDER_REFLECT_101)
    return np.where(near_edge[..., None], blurred.astype(np.uint8), image)


def add_salt(image: np.ndarray, fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Makes a random share of the pixels white, as upstream does with shinkai's edge-smoothed frames.

    Args:
        image: uint8 [H, W, 3].
        fraction: Share of the pixels, 0 to 1.
        rng: Draws the pixels.

    Returns:
        A copy, uint8 [H, W, 3], in which exactly round(fraction * H * W) different pixels were made white.

    Raises:
        ValueError: `fraction` is not between 0 and 1.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must lie between 0 and 1")
    height, width = image.shape[:2]
    chosen = rng.choice(height * width, size=round(fraction * height * width), replace=False, shuffle=False)
    salted = image.copy()
    salted.reshape(height * width, -1)[chosen] = 255
    return salted


def nl_means_offline(image: np.ndarray, h: float, h_color: float, template: int, search: int) -> np.ndarray:
    """Denoises one image with `cv2.fastNlMeansDenoisingColored`.

    Args:
        image: uint8 [H, W, 3], RGB. It goes to OpenCV as it is, though OpenCV expects BGR: upstream does so, and
            `nl_means` agrees with that.
        h: Strength for lightness.
        h_color: Strength for colour.
        template: Width in pixels of the patches compared.
        search: Width in pixels of the area searched.

    Returns:
        uint8 [H, W, 3].
    """
    return cv2.fastNlMeansDenoisingColored(image, None, h, h_color, template, search)
