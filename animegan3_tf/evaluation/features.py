"""Networks whose features are compared, and the features of folders, kept between runs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.common.console import Advance, counted
from animegan3_tf.common.errors import UserError, one_line, quote
from animegan3_tf.common.files import StrPath, sha256_of, whole_file
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, read_image
from animegan3_tf.data.colors import in_threads
from animegan3_tf.evaluation.resize import resize_for
from animegan3_tf.models.exported import load_saved_model
from animegan3_tf.networks.measuring import (
    INSTALL,
    SIZE,
    build_anime_classifier,
    installed_classifier,
    read_anime_classifier,
)
from animegan3_tf.networks.perceptual import build_resnet18, read_resnet18


@dataclass(frozen=True)
class FeatureNetwork:
    """A frozen network from images to one vector each.

    Attributes:
        name: The network's name in reports.
        layer: The layer that gives the vector.
        weights: SHA-256 of the file or folder of the weights.
        size: Pixels of the side of the square to which images are resized.
        resize: One of `RESIZINGS`.
        dimension: The length of the vector.
        forward: float32 RGB [N, size, size, 3] in [0, 255] -> [N, dimension].
        is_fid: Whether this is the InceptionV3 of 2015. Only its distances may be called FID and KID.
        scaling: What `forward` makes of a value x of the image.
        inputs: Whose way of making inputs it is, where that is not the default and gives other numbers.
    """

    name: str
    layer: str
    weights: str
    size: int
    resize: str
    dimension: int
    forward: Callable[[np.ndarray], np.ndarray]
    is_fid: bool = False
    scaling: str = "x / 127.5 - 1"
    inputs: str = ""

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        """Resizes a uint8 image [H, W, 3] for `forward`; float32 [size, size, 3] in [0, 255]."""
        return resize_for(rgb, (self.size, self.size), self.resize)

    @property
    def key(self) -> str:
        """A name for the network's folder in a cache; networks whose features differ have different keys."""
        return hashlib.sha256(repr(sorted(self.to_dict().items())).encode()).hexdigest()[:16]

    def to_dict(self) -> dict:
        """The network as a report describes it."""
        return {
            "network": self.name,
            "layer": self.layer,
            "weights_sha256": self.weights,
            "resize": f"{self.resize}, to {self.size}x{self.size}",
            "scaling": self.scaling,
            "dimension": self.dimension,
        }


_BATCH = 32


@dataclass
class FeatureSet:
    """The features of a list of images.

    Attributes:
        paths: The images that could be read, in the list's order.
        rows: float32 [N, D], in a file that is mapped into memory, so that N may be large; None without images.
        rejected: {path: one-line reason} of the others.
    """

    paths: list[Path] = field(default_factory=list)
    rows: np.ndarray | None = None
    rejected: dict[Path, str] = field(default_factory=dict)


class FeatureStore:
    """Computes features and keeps each image's under the SHA-256 of its file, in a folder of the network's.

    A changed image, network or resize mode has another name, so that no cached feature is ever out of date. An image
    that appears twice, in one folder or several, is computed once.

    Args:
        network: The network.
        folder: The cache, which may hold features of several networks. Where it cannot be written, features are kept
            in memory, for this run.
        warn: Called with the line that says so.
    """

    def __init__(self, network: FeatureNetwork, folder: StrPath, warn: Callable[[str], None] | None = None) -> None:
        self.network, self._cache, self._folder = network, folder, Path(folder, network.key)
        self._warn, self._bytes = warn, 4 * network.dimension
        self._unwritten: dict[str, np.ndarray] = {}

    def features(
        self,
        paths: Sequence[Path],
        target: StrPath,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        on_progress: Advance | None = None,
    ) -> FeatureSet:
        """Finds or computes the features of images. Memory does not grow with their number.

        Args:
            paths: The images.
            target: The rows go to a new file `target`.npy.
            max_pixels: Larger images are rejected.
            on_progress: Called with (images done, all images, name) after each image.
        """
        result = FeatureSet()
        digests: list[str] = []
        batch: dict[str, np.ndarray] = {}

        def read(path: Path) -> tuple[str, np.ndarray | None, str | None]:
            try:
                digest = sha256_of(path)
                known = self._is_kept(digest)
                return digest, None if known else self.network.prepare(read_image(path, max_pixels).on_white()), None
            except UserError as error:
                return "", None, one_line(error)
            except OSError as error:
                return "", None, f"{str(path)!r} cannot be read ({error.strerror})"

        found = zip(paths, in_threads(read, paths))
        for path, (digest, image, reason) in counted(found, [path.name for path in paths], on_progress):
            if reason is not None:
                result.rejected[path] = reason
            else:
                result.paths.append(path)
                digests.append(digest)
                # checked again: an equal image may have been computed since the thread looked
                if image is not None and not self._is_kept(digest):
                    batch[digest] = image
                if len(batch) == _BATCH:
                    self._compute(batch)
        self._compute(batch)
        if digests:
            shape = (len(digests), self.network.dimension)
            result.rows = _rows(Path(f"{target}.npy"), shape)
            for row, digest in zip(result.rows, digests):
                held = self._unwritten.get(digest)
                row[:] = np.fromfile(self._place(digest), np.float32) if held is None else held
        return result

    def _compute(self, batch: dict[str, np.ndarray]) -> None:
        if batch:
            for digest, row in zip(batch, self.network.forward(np.stack(list(batch.values())))):
                row = np.asarray(row, np.float32)
                try:
                    with whole_file(self._place(digest)) as temporary:
                        temporary.write_bytes(row.tobytes())  # `tofile` says nothing of a full disk
                except OSError as error:
                    if self._warn and not self._unwritten:
                        self._warn(
                            f"cache {quote(self._cache)} cannot be written ({error.strerror}); features are computed "
                            "anew in the next run, or name another with --cache"
                        )
                    self._unwritten[digest] = row
            batch.clear()

    def _is_kept(self, digest: str) -> bool:
        try:
            return digest in self._unwritten or self._place(digest).stat().st_size == self._bytes
        except OSError:
            return False

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


def _rows(path: Path, shape: tuple[int, int]) -> np.ndarray:
    """A new array in a file that is mapped into memory; on a disk without room for it, writing would be a crash."""
    rows = np.lib.format.open_memmap(path, "w+", np.float32, shape)
    if hasattr(os, "posix_fallocate"):
        try:
            with open(path, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise UserError(
                f"folder {quote(path.parent)} has no room for {rows.nbytes:,} bytes of features ({error.strerror}); "
                "set TMPDIR to another"
            ) from None
    return rows


SPECIFICATIONS = (
    "inception-2015, inception-2015-pytorch or inception-2015-tensorflow[:FILE.whl, FILE.pt or FOLDER], "
    "inception-keras[:FILE.h5], resnet18[:FILE.whl, .onnx or .npz] or saved_model:FOLDER"
)


def load_features(specification: str) -> FeatureNetwork:
    """Loads a feature network.

    Args:
        specification: One of SPECIFICATIONS. "resnet18" is the whole anime classifier of the installed wheel or of a
            file; of an .npz file, its first half. A SavedModel's signature serving_default takes RGB [N, H, W, 3] in
            [0, 255], H = W (299 where it is open), and gives [N, D].

    Raises:
        UserError: The specification is not known, or its network cannot be loaded.
    """
    kind, _, rest = specification.partition(":")
    path = rest or None
    if path is not None and not Path(path).exists():
        raise UserError(f"features {specification!r}: {path!r} does not exist; give {SPECIFICATIONS}")
    if kind.startswith("inception-"):
        from animegan3_tf.evaluation import inception  # takes seconds to import

        if kind == "inception-keras":
            return inception.inception_keras(path)
        if kind in inception.INPUTS:
            return inception.inception_2015(path, kind)
    if kind == "resnet18":
        return _half(path) if path and path.endswith(".npz") else classifier_features(path)
    if kind == "saved_model" and path:
        return _saved_model(path)
    raise UserError(f"features {specification!r} are not known; give {SPECIFICATIONS}")


def classifier_features(path: str | Path | None = None) -> FeatureNetwork:
    """Loads the 512 pooled features of the anime classifier.

    Args:
        path: The classifier's file; the installed wheel's without one.

    Raises:
        UserError: No path is given and the wheel is not installed, or the file cannot be read.
    """
    file, model = _classifier(path)
    features = tf.keras.Model(model.input, model.output["features"])
    return keras_network("ResNet-18 of anime-or-not", "last, mean-pooled", file, features)


def anime_likeness(path: str | Path | None = None) -> FeatureNetwork:
    """Loads the anime classifier's probability of anime, 0 to 1, as a network of one feature.

    On 224x224 images, photos have about 0.004 and anime faces about 0.6. The wheel's `predict_image` rounds the
    resized image to 8 bits and gives percent.

    Args:
        path: The classifier's file; the installed wheel's without one.

    Raises:
        UserError: No path is given and the wheel is not installed, or the file cannot be read.
    """
    file, model = _classifier(path)
    probability = tf.keras.layers.Softmax()(model.output["logits"])[:, 1:]
    return keras_network("ResNet-18 of anime-or-not", "softmax", file, tf.keras.Model(model.input, probability))


def _classifier(path: str | Path | None) -> tuple[str | Path, tf.keras.Model]:
    path = path or installed_classifier()
    if path is None:
        raise UserError(f"the ResNet-18 of anime-or-not is not installed; {INSTALL}")
    return path, build_anime_classifier(read_anime_classifier(path))


def _half(path: str) -> FeatureNetwork:
    taps = build_resnet18(read_resnet18(path))
    pooled = [tf.keras.layers.GlobalAveragePooling2D()(taps.output[tap]) for tap in ("A", "B", "C")]
    features = tf.keras.Model(taps.input, tf.keras.layers.Concatenate()(pooled))
    return keras_network("half ResNet-18 of anime-or-not", "taps A, B, C, mean-pooled", path, features)


def keras_network(
    name: str, layer: str, path: StrPath, model: tf.keras.Model, size: int = SIZE, resize: str = "bilinear, antialiased"
) -> FeatureNetwork:
    """Makes the feature network of a Keras model from RGB in [-1, 1] to vectors [N, D]; see `FeatureNetwork`."""

    @tf.function(input_signature=[tf.TensorSpec([None, size, size, 3], tf.float32)], autograph=False)
    def features(images: tf.Tensor) -> tf.Tensor:
        return model(images / 127.5 - 1.0, training=False)

    dimension, digest = model.output_shape[-1], sha256_of(path)
    return FeatureNetwork(name, layer, digest, size, resize, dimension, lambda batch: features(batch).numpy())


_LARGEST_SIDE = 4096  # pixels of an image that a SavedModel measures


def _saved_model(path: str) -> FeatureNetwork:
    model = load_saved_model(Path(path))
    try:
        signature = model.signatures["serving_default"]
        ((source, spec),) = signature.structured_input_signature[1].items()
        (result,) = signature.structured_outputs
        side = spec.shape[1] or 299
        if side > _LARGEST_SIDE:
            raise ValueError(f"its images have sides of {side:,} pixels")
        dimension = signature(**{source: tf.zeros([1, side, side, 3], spec.dtype)})[result].shape[-1]
    except Exception as error:  # the graph has just been run
        raise UserError(
            f"features 'saved_model:{path}' need a signature serving_default from one tensor [N, H, W, 3], RGB in "
            f"0..255, to one [N, D]: {one_line(error)[:200]}"
        ) from None

    # the default argument keeps the model alive: a signature does not
    def forward(batch: np.ndarray, model: object = model) -> np.ndarray:
        try:
            return signature(**{source: tf.cast(batch, spec.dtype)})[result].numpy()
        except Exception as error:  # a graph may raise anything
            raise UserError(f"features 'saved_model:{path}' failed: {one_line(error)[:200]}") from None

    name, digest = f"SavedModel {Path(path).name}", sha256_of(path)
    return FeatureNetwork(
        name, "serving_default", digest, side, "bicubic, antialiased", dimension, forward, scaling="x"
    )
