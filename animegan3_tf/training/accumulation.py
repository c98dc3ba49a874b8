"""Gradient accumulation: a batch in parts, for devices that do not hold all of it at once."""

import tensorflow as tf


def accumulated(compute, batch, parts):
    """The mean of `compute` over equal parts of a batch, one part in memory at a time.

    compute: from a batch {name: [N, ...]} to a nest of float tensors whose shapes do not depend on N, each a mean over
    the pictures. batch: N a multiple of `parts`. With one part, it is `compute(batch)`.

    What is a mean over pictures comes out as if computed at once; what depends on the pictures jointly does not (the
    attention's batch norm takes its moments of each part).
    """
    if parts == 1:
        return compute(batch)
    batch = tf.nest.map_structure(lambda x: _in_parts(x, parts), batch)
    compute = tf.function(compute)  # traced once, for the first part and for the loop

    def part(index):
        return compute(tf.nest.map_structure(lambda x: x[index], batch))

    def add(index, total):
        return index + 1, tf.nest.map_structure(tf.add, total, part(index))

    _, total = tf.while_loop(lambda index, _: index < parts, add, (1, part(0)), parallel_iterations=1)
    return tf.nest.map_structure(lambda x: x / parts, total)


def _in_parts(x, parts):
    """[parts, N / parts, ...] of [N, ...], with as much of the shape known when traced as before."""
    known = x.shape
    count = None if known[0] is None else known[0] // parts
    split = tf.reshape(x, tf.concat([[parts, tf.shape(x)[0] // parts], tf.shape(x)[1:]], axis=0))
    return tf.ensure_shape(split, [parts, count, *known[1:]])
