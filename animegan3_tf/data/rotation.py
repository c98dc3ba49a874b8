"""Rotation of a picture in the graph; the only module of `data` that knows TensorFlow Addons."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # its end-of-life notice, known and pinned
    import tensorflow_addons as tfa


def rotate(picture, angle):
    """Rotates a float picture [H, W, C] by `angle` radians, bilinearly; corners repeat reflected pixels."""
    return tfa.image.rotate(picture, angle, interpolation="bilinear", fill_mode="reflect")
