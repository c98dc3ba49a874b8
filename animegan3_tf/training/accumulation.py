"""Gradient accumulation: a batch is computed in parts, for devices whose memory does not hold all of it at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf

Nest = TypeVar("Nest")


def accumulated(compute: Callable[[dict[str, tf.Tensor]], Nest], batch: dict[str, tf.Tensor], parts: int) -> Nest:
    """Returns the mean of `compute` over equal parts of a batch, with one part in memory at a time.

    A mean over images equals that of the whole batch. A value that depends on several images jointly does not: the
    attention's batch norm takes its moments over each part.

    Args:
        compute: From a batch {name: [N, ...]} to a nest of float tensors, each a mean over the images, whose shapes do
            not depend on N.
        batch: {name: [N, ...]}, N a multiple of `parts`.
        parts: The number of parts; with 1 the result is `compute(batch)`.

    Returns:
        The nest of means.
    """
    if parts == 1:
        return compute(batch)
    batch = tf.nest.map_structure(lambda x: _in_parts(x, parts), batch)
    compute = tf.function(compute)  # traced once, for the first part and for the loop

    def part(index: tf.Tensor | int) -> Nest:
        return compute(tf.nest.map_structure(lambda x: x[index], batch))

    def add(index: tf.Tensor, total: Nest) -> tuple[tf.Tensor, Nest]:
        return index + 1, tf.nest.map_structure(tf.add, total, part(index))

    _, total = tf.while_loop(lambda index, _: index < parts, add, (1, part(0)), parallel_iterations=1)
    return tf.nest.map_structure(lambda x: x / parts, total)


def _in_parts(x: tf.Tensor, parts: int) -> tf.Tensor:
    """Reshapes [N, ...] to [parts, N / parts, ...] and keeps what is statically known of the shape."""
    known = x.shape
    count = None if known[0] is None else known[0] // parts
    split = tf.reshape(x, tf.concat([[parts, tf.shape(x)[0] // parts], tf.shape(x)[1:]], axis=0))
    return tf.ensure_shape(split, [parts, count, *known[1:]])
