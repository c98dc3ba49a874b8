"""Writes the generator as a SavedModel that runs without this package."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.runtime import silence
from animegan3_tf.networks.architectures import MULTIPLE

if TYPE_CHECKING:
    from animegan3_tf.export.check import Card

CARD = "assets.extra/animegan3.json"  # TensorFlow reserves this folder of a SavedModel for its users' files


def write_saved_model(path: Path, generator: tf.keras.Model, card: Card, multiple: int = MULTIPLE) -> None:
    """Writes a SavedModel with two signatures, both from `photo` to `anime`, for any height and width from 16.

    The signature `serving_default` takes and returns float32 in [-1, 1]; `uint8` takes and returns 0..255.

    Args:
        path: The folder to write, which does not exist yet.
        generator: A deployed generator, [N, H, W, 3] in [-1, 1].
        card: The description, written into the folder.
        multiple: The generator takes sides that are multiples of this; the SavedModel pads to them by reflection.
    """
    archive = tf.keras.export.ExportArchive()
    archive.track(generator)

    def forward(photo: tf.Tensor) -> tf.Tensor:
        height, width = tf.unstack(tf.shape(photo)[1:3])
        padding = [[0, 0], [0, -height % multiple], [0, -width % multiple], [0, 0]]
        anime = generator(tf.pad(photo, padding, mode="REFLECT"), training=False)
        return anime[:, :height, :width]

    def serving_default(photo: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"anime": forward(photo)}

    def uint8(photo: tf.Tensor) -> dict[str, tf.Tensor]:
        anime = forward(tf.cast(photo, tf.float32) / 127.5 - 1.0)
        return {"anime": tf.cast(tf.clip_by_value(tf.round((anime + 1.0) * 127.5), 0.0, 255.0), tf.uint8)}

    shape = [None, None, None, 3]
    archive.add_endpoint("serving_default", serving_default, [tf.TensorSpec(shape, tf.float32, "photo")])
    archive.add_endpoint("uint8", uint8, [tf.TensorSpec(shape, tf.uint8, "photo")])
    with silence():
        archive.write_out(str(path))
    (path / CARD).parent.mkdir(exist_ok=True)
    (path / CARD).write_text(json.dumps(card.to_dict(), indent=2) + "\n", encoding="utf-8")


def run_saved_model(path: Path, photos: np.ndarray) -> tuple[np.ndarray, dict[str, str]]:
    """Runs the signature `serving_default` on photos.

    Args:
        path: The SavedModel's folder.
        photos: float32 [N, H, W, 3] in [-1, 1].

    Returns:
        The images, of the same type and range, and {"runtime"} for the report.
    """
    model = tf.saved_model.load(str(path))
    signature = model.signatures["serving_default"]
    images = [signature(photo=tf.constant(photo[None]))["anime"].numpy() for photo in photos]
    return np.concatenate(images), {"runtime": f"tensorflow {tf.__version__} (tf.saved_model)"}


def read_signatures(path: Path) -> dict[str, str]:
    """Describes a SavedModel's signatures.

    Returns:
        {"signature NAME": the types and shapes of its inputs and outputs}.

    Raises:
        UserError: The SavedModel is damaged.
    """
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


def _tensor(spec: tf.TensorSpec) -> str:
    name = f"{spec.name}: " if isinstance(spec, tf.TensorSpec) and spec.name == "photo" else ""
    return f"{name}{spec.dtype.name} {spec.shape.as_list()}"
