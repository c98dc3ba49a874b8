"""A face drawn with a few shapes, in whatever state a test needs: its eyes, its skin and its landmarks are known."""

import cv2
import numpy as np

# of a square of 384 pixels: eyes, nose, corners of the mouth
LANDMARKS = ((146.0, 170.0), (238.0, 170.0), (192.0, 215.0), (155.0, 262.0), (229.0, 262.0))


def face(skin=(250, 225, 210), eyes=((1.0, 1.0)), iris=(90, 110, 140), size=384, hair=(40, 30, 30)):
    """uint8 [size, size, 3]; eyes: of each, how much of it is drawn: 1 a whole one, 0 none, between a flatter one."""
    image = np.full((384, 384, 3), hair, np.uint8)
    cv2.ellipse(image, (192, 200), (115, 150), 0, 0, 360, skin, -1)
    for (x, y), share in zip(LANDMARKS[:2], eyes):
        if share:
            x, y = round(x), round(y)
            cv2.ellipse(image, (x, y), (22, round(16 * share)), 0, 0, 360, (255, 255, 255), -1)
            cv2.ellipse(image, (x, y), (14, round(16 * share)), 0, 0, 360, (20, 20, 25), -1)
            cv2.ellipse(image, (x, y), (6, round(6 * share)), 0, 0, 360, iris, -1)
    cv2.line(image, (165, 262), (219, 262), (120, 60, 60), 3)
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA) if size != 384 else image


def landmarks(size=384):
    """The landmarks in pixels of a square of `size`."""
    return (np.array(LANDMARKS) * size / 384).tolist()
