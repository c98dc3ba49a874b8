"""Anime with blurred edges and with salt: what the discriminator must learn to call wrong."""

import cv2
import numpy as np


def smooth_edges(image, gray=None, low=100, high=200):
    """Blurs a picture on and beside its edges only (CartoonGAN's edge-smoothed data).

    image: uint8 array [H, W, 3], RGB.
    gray: uint8 array [H, W] in which edges are sought; made from the image when left out. Upstream decodes the file a
        second time as gray, which differs by a rounding step here and there and so can move an edge.
    low, high: the Canny detector's two thresholds.
    Returns a uint8 array of the same shape.
    """
    if gray is None:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    near_edge = cv2.dilate(cv2.Canny(gray, low, high), np.ones((5, 5), np.uint8)) != 0
    # In float32 the blur is exact, its 5x5 weights being multiples of 1/256. Upstream truncates where an 8-bit blur
    # would round.
    blurred = cv2.GaussianBlur(image.astype(np.float32), (5, 5), 0, borderType=cv2.BORDER_REFLECT_101)
    return np.where(near_edge[..., None], blurred.astype(np.uint8), image)


def add_salt(image, fraction, rng):
    """Sets a random share of the pixels white, as upstream does to shinkai's edge-smoothed frames.

    image: uint8 array [H, W, 3]; fraction: share of the pixels, 0 to 1; rng: `numpy.random.Generator`.
    Returns a new uint8 array of the same shape with exactly round(fraction H W) pixels, no pixel drawn twice, white.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction is {fraction}; it must lie between 0 and 1")
    height, width = image.shape[:2]
    chosen = rng.choice(height * width, size=round(fraction * height * width), replace=False, shuffle=False)
    salted = image.copy()
    salted.reshape(height * width, -1)[chosen] = 255
    return salted
