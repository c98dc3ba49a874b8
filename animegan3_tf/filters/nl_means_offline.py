"""Coloured non-local means on the host: OpenCV itself."""

from __future__ import annotations

import cv2
import numpy as np


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
