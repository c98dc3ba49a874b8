"""Computes features of images, once for each content, and keeps them on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from animegan3_tf.data.colors import in_threads
from animegan3_tf.evaluation.feature_network import FeatureNetwork, sha256_of
from animegan3_tf.files import whole_file
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, read_image

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
        folder: The cache, which may hold features of several networks.
    """

    def __init__(self, network: FeatureNetwork, folder: str | os.PathLike) -> None:
        self.network, self._folder = network, Path(folder, network.key)
        self._bytes = 4 * network.dimension

    def features(
        self,
        paths: Sequence[Path],
        target: str | os.PathLike,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        on_progress: Callable[[int, int, str], None] | None = None,
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
            except ImageError as error:
                return "", None, " ".join(str(error).split())
            except OSError as error:
                return "", None, f"{str(path)!r} cannot be read ({error.strerror})"

        for number, (path, (digest, image, reason)) in enumerate(zip(paths, in_threads(read, paths)), 1):
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
            if on_progress:
                on_progress(number, len(paths), path.name)
        self._compute(batch)
        if digests:
            result.rows = np.lib.format.open_memmap(
                f"{target}.npy", "w+", np.float32, (len(digests), self.network.dimension)
            )
            for row, digest in zip(result.rows, digests):
                row[:] = np.fromfile(self._place(digest), np.float32)
        return result

    def _compute(self, batch: dict[str, np.ndarray]) -> None:
        if batch:
            for digest, row in zip(batch, self.network.forward(np.stack(list(batch.values())))):
                with whole_file(self._place(digest)) as temporary:
                    np.asarray(row, np.float32).tofile(temporary)
            batch.clear()

    def _is_kept(self, digest: str) -> bool:
        try:
            return self._place(digest).stat().st_size == self._bytes
        except FileNotFoundError:
            return False

    def _place(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest
