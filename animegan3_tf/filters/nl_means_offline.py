"""Coloured non-local means on the host: OpenCV itself."""

import cv2


def nl_means_offline(image, h, h_color, template, search):
    """Denoises one picture with `cv2.fastNlMeansDenoisingColored`.

    image: uint8 array [H, W, 3], RGB. It goes to OpenCV as it is, though OpenCV expects BGR: upstream does so, and
    `nl_means` agrees with that.
    h, h_color: strength for lightness and for colour; template, search: window widths in pixels.
    Returns a uint8 array of the same shape.
    """
    return cv2.fastNlMeansDenoisingColored(image, None, h, h_color, template, search)
