"""Superpixels of the generator's own images, on processes that live as long as the run."""

from __future__ import annotations

import functools
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import tensorflow as tf

from animegan3_tf.filters.superpixels import superpixels
from animegan3_tf.workers import start_worker, workers_start


class SuperpixelPool:
    """Felzenszwalb mean colours of a batch, computed with one process per image.

    Felzenszwalb has no graph form. Its Python part holds the interpreter's lock, so threads would queue. The processes
    are started once, by spawning: forking a process that runs TensorFlow's threads may hang the child.

    Args:
        min_size: The least pixels of a segment.
        processes: The number of processes; that of the cores by default.
    """

    def __init__(self, min_size: int, processes: int | None = None) -> None:
        self.min_size = min_size
        context = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(processes or os.cpu_count(), context, initializer=start_worker)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Computes the region target in the graph, without a gradient.

        Values go through 8 bits by truncation and back, as in the original code.

        Args:
            images: Float [N, H, W, 3] in [-1, 1].

        Returns:
            Float32 of the same shape and range.
        """
        levels = tf.cast((images + 1.0) * 127.5, tf.uint8)
        regions = tf.numpy_function(self._mean_colors, [levels], tf.uint8, stateful=False)
        regions.set_shape(images.shape)
        return tf.cast(regions, tf.float32) / 127.5 - 1.0

    def close(self) -> None:
        """Ends the processes."""
        self._pool.shutdown(cancel_futures=True)

    def _mean_colors(self, batch: np.ndarray) -> np.ndarray:
        # `partial` of the filter's own function, so that the workers import only its module, which needs no TensorFlow
        function = functools.partial(superpixels, min_size=self.min_size)
        with workers_start():  # the pool starts them when there is work
            results = self._pool.map(function, batch)
        return np.stack(list(results))
