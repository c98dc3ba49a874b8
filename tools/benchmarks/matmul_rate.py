"""Measures how fast this device multiplies matrices, which is the limit for everything else."""

import time

import tensorflow as tf

_SIDES = {"CPU": 2048, "GPU": 8192}


def matmul_rate(dtype="float32", side=None, repeats=5, product_count=4) -> float:
    """Measures floating-point operations a second of square `tf.matmul`, the best of several timings.

    Args:
        dtype: The networks' type. Recent GPUs multiply float32 in TF32, as TensorFlow's convolutions do.
        side: Rows of the matrices; by default so many that a product takes milliseconds.
        repeats: Number of timings.
        product_count: Products in one timing.
    """
    side = side or _SIDES["GPU" if tf.config.list_physical_devices("GPU") else "CPU"]

    @tf.function
    def chain(start, other):
        product = start
        for _ in range(product_count):
            product = tf.matmul(product, other)
        return tf.reduce_sum(tf.cast(product[0], tf.float32))  # reading a scalar waits for all products

    # scaled so that a chain of products stays within float16
    matrix = tf.cast(tf.random.stateless_normal([side, side], seed=(0, 1)) / side**0.5, dtype)
    chain(matrix, matrix).numpy()
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        chain(matrix, matrix).numpy()
        best = min(best, time.perf_counter() - start)
    return product_count * 2 * side**3 / best
