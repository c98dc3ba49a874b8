"""Published generators converted to this project's weights files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.errors import UserError
from animegan3_tf.lineage.load import fill
from animegan3_tf.lineage.tf1_checkpoint import open_variables
from animegan3_tf.networks.weights import save_generator


def import_generator(
    architecture: str, checkpoint: str | os.PathLike, out: str | os.PathLike, batch_norm: str = "inference"
) -> int:
    """Writes the generator of a published file as a weights file; returns the number of its trainable parameters.

    Arguments as for `load_generator`. The header holds the architecture, the source's name, and the sha256 of each of
    its files: of a checkpoint, the data and the index.
    """
    found = open_variables(checkpoint)
    model = fill(architecture, found, checkpoint, batch_norm)
    header = {
        "architecture": architecture,
        "source": Path(checkpoint).name,
        "sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found.files},
        "trained_by": f"the authors of {ARCHITECTURES[architecture].title}",
    }
    if architecture == "animegan3":
        header["batch_norm"] = batch_norm
    try:
        save_generator(out, model, header)
    except OSError as error:
        raise UserError(
            f"weights {str(out)!r} cannot be written: {error.strerror}; name another file with -o"
        ) from error
    return sum(weight.shape.num_elements() for weight in model.trainable_weights)
