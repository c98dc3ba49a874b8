"""Published generators converted to this project's weights files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from animegan3_tf.architectures import ARCHITECTURES
from animegan3_tf.errors import UserError
from animegan3_tf.lineage.load import Published, open_published
from animegan3_tf.networks.weights import save_generator, structure_of


def published_header(published: Published, path: str | os.PathLike, batch_norm: str = "inference") -> dict[str, object]:
    """Makes the header of a weights file for a published generator.

    Args:
        published: The generator.
        path: The file that it came from.
        batch_norm: As for `open_published`; it is recorded for checkpoints of AnimeGANv3.

    Returns:
        The architecture and the options that build it again, the source's name and kind, the sha256 of each of its
        files (of a checkpoint, the data and the index), who trained it, and its licence.
    """
    header = {
        "architecture": published.architecture,
        **structure_of(published.model),
        "source": Path(path).name,
        "source_kind": published.kind,
        "sha256": {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in published.files},
        "trained_by": f"the authors of {ARCHITECTURES[published.architecture].title}",
        "license": "the authors' own: research, not commerce",
    }
    if published.architecture == "animegan3" and published.kind == "TensorFlow 1":
        header["batch_norm"] = batch_norm
    return header


def import_generator(
    architecture: str | None, path: str | os.PathLike, out: str | os.PathLike, batch_norm: str = "inference"
) -> Published:
    """Writes the generator of a published file as a weights file.

    Args:
        architecture: As for `open_published`, and so are `path` and `batch_norm`.
        path: The published file.
        out: The weights file (.h5).
        batch_norm: As for `open_published`; counts for checkpoints of AnimeGANv3 alone.

    Returns:
        The generator that was read.

    Raises:
        UserError: As `open_published`, or the weights file cannot be written.
    """
    published = open_published(path, architecture, batch_norm)
    try:
        save_generator(out, published.model, published_header(published, path, batch_norm))
    except OSError as error:
        raise UserError(
            f"weights {str(out)!r} cannot be written: {error.strerror}; name another file with -o"
        ) from error
    return published
