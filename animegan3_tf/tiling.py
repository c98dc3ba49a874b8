"""Pictures too large to stylise in one piece: overlapping tiles that agree, with blended seams."""

from __future__ import annotations

import itertools
import math

import numpy as np
import tensorflow as tf

from animegan3_tf import images
from animegan3_tf.layers import LADE, ExternalAttention
from animegan3_tf.layers.frozen import Frozen
from animegan3_tf.sizes import MULTIPLE

REACH = 64  # pixels a result depends on to either side: 55, on that grid
RAMP = 64  # width over which one tile gives way to the next


class TiledGenerator:
    """Runs a deployed generator over pictures of any size in bounded memory.

    generator: base and main tail, [N, H, W, 3] in [-1, 1]. tile: side of the tiles, a multiple of 8.
    reduced_pixels: LADE's moments and the attention's normaliser are those of the whole picture, taken once on a copy
        reduced to about so many pixels; every tile uses them, so that tiles match in tone.
    """

    def __init__(self, generator, tile=1024, reduced_pixels=1_000_000):
        if tile % MULTIPLE or tile <= 2 * REACH + RAMP:
            raise ValueError(f"tile is {tile}; it must be a multiple of {MULTIPLE} over {2 * REACH + RAMP}")
        self.tile, self.reduced_pixels = tile, reduced_pixels
        frozen = []

        def freeze(layer):
            if not isinstance(layer, (LADE, ExternalAttention)):
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
        """Float32 [1, H, W, 3] in [-1, 1], H and W multiples of 8, to the same."""
        self._record(self._reduced(photo))
        _, height, width, _ = photo.shape
        total = np.zeros((height, width, 3), np.float32)
        weight = np.zeros((height, width, 1), np.float32)
        rows, columns = (_spans(length, self.tile) for length in (height, width))
        for (top, bottom), (left, right) in itertools.product(rows, columns):
            anime = self._apply(photo[:, top:bottom, left:right])[0].numpy()
            share = np.outer(_share(top, bottom, height), _share(left, right, width))[..., None]
            total[top:bottom, left:right] += share * anime
            weight[top:bottom, left:right] += share
        return (total / weight)[None]

    def _reduced(self, photo):
        height, width = photo.shape[1:3]
        factor = min(1.0, math.sqrt(self.reduced_pixels / (height * width)))
        size = [max(16, round(side * factor / MULTIPLE) * MULTIPLE) for side in (height, width)]
        return images.resize(photo[0], size)[None]


def _spans(length, tile):
    """(start, end) of overlapping tiles that cover 0..length.

    Starts are multiples of 8, the coarsest grid of the network: its strides fall where they do in the whole picture.
    """
    if length <= tile:
        return [(0, length)]
    step = tile - 2 * REACH - RAMP
    count = math.ceil((length - tile) / step) + 1
    # spread evenly: a thin last tile would be as dear as a whole one
    starts = [round((length - tile) * i / (count - 1) / MULTIPLE) * MULTIPLE for i in range(count)]
    return [(start, start + tile) for start in starts]


def _share(start, end, length):
    """A tile's weight along one axis: nothing where it lacks context, a ramp, then one; no loss at picture borders."""
    position = np.arange(start, end, dtype=np.float32) + 0.5
    rise = (position - start - REACH) / RAMP if start else np.ones_like(position)
    fall = (end - position - REACH) / RAMP if end < length else np.ones_like(position)
    return np.clip(np.minimum(rise, fall), 0.0, 1.0)
