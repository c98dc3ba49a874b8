"""The generator as a SavedModel that runs where none of this package is installed."""

import tempfile
from pathlib import Path

import tensorflow as tf

from animegan3_tf.sizes import MULTIPLE


def write_saved_model(path, generator, multiple=MULTIPLE):
    """Writes a SavedModel folder, replacing one that stands there; returns its path.

    generator: a deployed one, [N, H, W, 3] in [-1, 1]. multiple: of its heights and widths. Signatures, input `photo`
    and output `anime`, any height and width from 16: `serving_default` float32 in [-1, 1], `uint8` 0..255.
    """
    path = Path(path)
    archive = tf.keras.export.ExportArchive()
    archive.track(generator)

    def forward(photo):
        height, width = tf.unstack(tf.shape(photo)[1:3])
        padding = [[0, 0], [0, -height % multiple], [0, -width % multiple], [0, 0]]
        anime = generator(tf.pad(photo, padding, mode="REFLECT"), training=False)
        return anime[:, :height, :width]

    def serving_default(photo):
        return {"anime": forward(photo)}

    def uint8(photo):
        anime = forward(tf.cast(photo, tf.float32) / 127.5 - 1.0)
        return {"anime": tf.cast(tf.clip_by_value(tf.round((anime + 1.0) * 127.5), 0.0, 255.0), tf.uint8)}

    shape = [None, None, None, 3]
    archive.add_endpoint("serving_default", serving_default, [tf.TensorSpec(shape, tf.float32, "photo")])
    archive.add_endpoint("uint8", uint8, [tf.TensorSpec(shape, tf.uint8, "photo")])
    # moved into place when whole, so that `path` never holds half a model
    with tempfile.TemporaryDirectory(prefix=".export-", dir=path.parent) as folder:
        fresh = Path(folder, "fresh")
        archive.write_out(str(fresh))
        if path.exists():
            path.rename(Path(folder, "old"))
        fresh.rename(path)
    return path
