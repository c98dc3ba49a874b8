"""The generator as a SavedModel that runs where none of this package is installed."""

import json

import numpy as np
import tensorflow as tf

from animegan3_tf.errors import UserError
from animegan3_tf.export.silence import silence
from animegan3_tf.sizes import MULTIPLE

CARD = "assets.extra/animegan3.json"  # where TensorFlow leaves a SavedModel's users room for files of their own


def write_saved_model(path, generator, card, multiple=MULTIPLE):
    """Writes a SavedModel folder that does not exist yet, with the `Card` in it.

    generator: a deployed one, [N, H, W, 3] in [-1, 1]. multiple: of its heights and widths. Signatures, input `photo`
    and output `anime`, any height and width from 16: `serving_default` float32 in [-1, 1], `uint8` 0..255.
    """
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
    with silence():
        archive.write_out(str(path))
    (path / CARD).parent.mkdir(exist_ok=True)
    (path / CARD).write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")


def run_saved_model(path, photos):
    """Runs `serving_default` on float32 [N, H, W, 3] in [-1, 1]: (pictures, what ran them)."""
    model = tf.saved_model.load(str(path))
    signature = model.signatures["serving_default"]
    pictures = [signature(photo=tf.constant(photo[None]))["anime"].numpy() for photo in photos]
    return np.concatenate(pictures), {"runtime": f"tensorflow {tf.__version__} (tf.saved_model)"}


def read_signatures(path):
    """{"signature NAME": what goes in and out} of a SavedModel. UserError where it is damaged."""
    try:
        signatures = tf.saved_model.load(str(path)).signatures
        return {
            f"signature {name}": ", ".join(map(_tensor, function.structured_input_signature[1].values()))
            + " -> "
            + ", ".join(f"{key}: {_tensor(value)}" for key, value in function.structured_outputs.items())
            for name, function in signatures.items()
        }
    except (OSError, ValueError, tf.errors.OpError) as error:
        raise UserError(f"SavedModel {str(path)!r} cannot be read: {' '.join(str(error).split())}") from error


def _tensor(spec):
    name = f"{spec.name}: " if isinstance(spec, tf.TensorSpec) and spec.name == "photo" else ""
    return f"{name}{spec.dtype.name} {spec.shape.as_list()}"
