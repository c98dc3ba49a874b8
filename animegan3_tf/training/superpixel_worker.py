"""What a process of `SuperpixelPool` runs; without TensorFlow, so that it starts in a moment and stays small."""

import signal

import cv2

from animegan3_tf.filters import superpixels


def start():
    """Sets the process up: one thread, and Ctrl-C left to the process that owns the pool."""
    cv2.setNumThreads(1)
    # Ctrl-C reaches the whole process group: the run ends by itself after saving, and ends its pool
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def mean_colors(image, min_size):
    """One uint8 picture [H, W, 3] with every superpixel in its mean colour."""
    return superpixels(image, min_size=min_size)
