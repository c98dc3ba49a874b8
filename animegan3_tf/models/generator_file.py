"""Opens a generator as a Keras model, from this project's weights or from a file that AnimeGAN's authors published.

TensorFlow is imported when a file is opened, not before.
"""

from __future__ import annotations

import functools
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.checkpoints import weights_of
from animegan3_tf.models.weights_file import read_header
from animegan3_tf.networks.architectures import Architecture, architecture_of

if TYPE_CHECKING:
    import tensorflow as tf

ACCEPTED = (
    "a shipped checkpoint (`animegan3 models` lists them), a run folder (with generator.h5), a weights file (.h5), a "
    "published file of AnimeGAN's authors (.pb, .onnx, TF.js, TensorFlow 1 checkpoint), a SavedModel folder, a .tflite "
    "or an .onnx file"
)
_GRAPHS = (".pb", ".onnx", ".index")


@dataclass(frozen=True)
class GeneratorFile:
    """An opened generator and the files that hold it.

    Attributes:
        path: The weights file, or the published file or folder.
        header: The weights file's header; for a published file, the header that its weights file would have.
        architecture: The network's architecture.
        network: Keras model, float32 [N, H, W, 3] in [-1, 1] in and out.
        kind: "weights", or for a published file: "frozen graph", "ONNX", "TF.js", "TensorFlow 1".
        files: All files that hold the generator.
    """

    path: Path
    header: dict
    architecture: Architecture
    network: tf.keras.Model
    kind: str
    files: tuple[Path, ...]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.stat().st_size for file in self.files)


def is_published(path: str | os.PathLike) -> bool:
    """Returns whether a path looks like a published generator, by names alone.

    Such are a TensorFlow 1 checkpoint (its prefix, index or folder), a frozen graph, TF.js (its folder or model.json)
    and any ONNX file, also another project's.
    """
    path = Path(path)
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return False
        return any((path / name).is_file() for name in ("checkpoint", "model.json")) or any(path.glob("*.index"))
    return path.suffix.lower() in _GRAPHS or path.name == "model.json" or os.path.isfile(f"{path}.index")


def open_generator(model: str | os.PathLike) -> GeneratorFile | None:
    """Opens a run folder, a weights file, a shipped checkpoint by its name, or a published file.

    Args:
        model: Its path or name.

    Returns:
        The generator; None for other files, which may be models that do not load as Keras: a SavedModel, a .tflite
        file, another project's ONNX file.

    Raises:
        UserError: The path does not exist, or the file is damaged or does not fit its network.
    """
    path = weights_of(model)
    if path.suffix.lower() == ".h5" and not path.is_dir():
        from animegan3_tf.models.weights import load_generator

        header = read_header(path)
        architecture = architecture_of(header, path)
        return GeneratorFile(path, header, architecture, load_generator(path), "weights", (path,))
    if not is_published(path):
        return None
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    try:
        return _open_published(path, stamp)
    except UserError:
        if path.suffix.lower() == ".onnx":  # ONNX Runtime may run it
            return None
        raise


@functools.lru_cache(maxsize=1)  # several parts of one command ask for the same file
def _open_published(path: Path, stamp: int) -> GeneratorFile:
    """Opens a published file; `stamp`, its time of change, keeps the cache from returning an older file's network."""
    from animegan3_tf.models.published import open_published, published_header

    published = open_published(path)
    header = published_header(published, path)
    architecture = architecture_of(header, path)
    return GeneratorFile(path, header, architecture, published.model, published.kind, published.files)


def digest_of_files(files: tuple[Path, ...]) -> str:
    """Returns the sha256 in hexadecimal digits: of one file, or of the list of names and digests of several."""
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    if len(digests) == 1:
        return next(iter(digests.values()))
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
