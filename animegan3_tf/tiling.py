"""Pictures too large to stylise in one piece: overlapping tiles that agree, with blended seams."""

from __future__ import annotations

import itertools
import math

import numpy as np
import tensorflow as tf

from animegan3_tf import images
from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.layers.frozen import Frozen
from animegan3_tf.sizes import least_side

RAMP = 64  # width over which one tile gives way to the next


class TiledGenerator:
    """Runs a deployed generator over pictures of any size in bounded memory.

    generator: a deployed one, [N, H, W, 3] in [-1, 1]. tile: side of the tiles, a multiple of the architecture's.
    reduced_pixels: what layers take from the whole picture (LADE's moments and the attention's normaliser; in other
        generators, the moments of layer or instance normalisation) is taken once on a copy reduced to about so many
        pixels; every tile uses it, so that tiles match in tone.
    architecture: the generator's, of `ARCHITECTURES`.
    """

    def __init__(self, generator, tile=1024, reduced_pixels=1_000_000, architecture=ARCHITECTURES["animegan3"]):
        least = 2 * architecture.reach + RAMP
        if tile % architecture.multiple or tile <= least:
            raise ValueError(f"tile is {tile}; it must be a multiple of {architecture.multiple} over {least}")
        self.tile, self.reduced_pixels, self.architecture = tile, reduced_pixels, architecture
        frozen = []

        def freeze(layer):
            if not hasattr(layer, "statistics_shapes"):
                return layer
            frozen.append(Frozen(layer))
            return frozen[-1]

        model = tf.keras.models.clone_model(generator, clone_function=freeze)
        signature = [tf.TensorSpec([1, None, None, 3], tf.float32)]
        for layer in frozen:
            layer.recording = True
        self._record = tf.function(model, input_signature=signature)
        self._record.get_concrete_function()
        for layer in frozen:
            layer.recording = False
        self._apply = tf.function(model, input_signature=signature)

    def __call__(self, photo):
        """Float32 [1, H, W, 3] in [-1, 1], H and W multiples of the architecture's, to the same."""
        self._record(self._reduced(photo))
        _, height, width, _ = photo.shape
        total = np.zeros((height, width, 3), np.float32)
        weight = np.zeros((height, width, 1), np.float32)
        reach, grid = self.architecture.reach, self.architecture.multiple
        rows, columns = (_spans(length, self.tile, reach, grid) for length in (height, width))
        for (top, bottom), (left, right) in itertools.product(rows, columns):
            anime = self._apply(photo[:, top:bottom, left:right])[0].numpy()
            share = np.outer(_share(top, bottom, height, reach), _share(left, right, width, reach))[..., None]
            total[top:bottom, left:right] += share * anime
            weight[top:bottom, left:right] += share
        return (total / weight)[None]

    def _reduced(self, photo):
        height, width = photo.shape[1:3]
        factor = min(1.0, math.sqrt(self.reduced_pixels / (height * width)))
        multiple = self.architecture.multiple
        least = least_side(multiple)
        size = [max(least, round(side * factor / multiple) * multiple) for side in (height, width)]
        return images.resize(photo[0], size)[None]


def _spans(length, tile, reach, grid):
    """(start, end) of overlapping tiles that cover 0..length.

    Starts are multiples of the network's coarsest grid: its strides fall where they do in the whole picture.
    """
    if length <= tile:
        return [(0, length)]
    step = tile - 2 * reach - RAMP
    count = math.ceil((length - tile) / step) + 1
    # spread evenly: a thin last tile would be as dear as a whole one
    starts = [round((length - tile) * i / (count - 1) / grid) * grid for i in range(count)]
    return [(start, start + tile) for start in starts]


def _share(start, end, length, reach):
    """A tile's weight along one axis: nothing where it lacks context, a ramp, then one; no loss at picture borders."""
    position = np.arange(start, end, dtype=np.float32) + 0.5
    rise = (position - start - reach) / RAMP if start else np.ones_like(position)
    fall = (end - position - reach) / RAMP if end < length else np.ones_like(position)
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)
