"""Pictures -> features, each computed once for its content and kept on disk."""

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
    """The features of a list of pictures.

    paths: of the pictures that could be read, in the list's order. rows: float32 [N, D], in a file that is mapped into
    memory, so that their number does not matter. rejected: {path: one line of reason}.
    """

    paths: list[Path] = field(default_factory=list)
    rows: np.ndarray | None = None
    rejected: dict[Path, str] = field(default_factory=dict)


class FeatureStore:
    """Computes features and keeps each picture's under the SHA-256 of its file, in a folder of the network's.

    A changed picture, network or resize mode is another name, so nothing kept is ever out of date; pictures that
    appear twice, in one folder or several, are computed once.
    """

    def __init__(self, network: FeatureNetwork, folder: str | os.PathLike):
        self.network, self._folder = network, Path(folder, network.key)
        self._bytes = 4 * network.dimension

    def features(
        self,
        paths: Sequence[Path],
        target: str | os.PathLike,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        on_progress: Callable[[int, int, str], None] | None = None,
    ) -> FeatureSet:
        """The features of pictures, of which `target`.npy, a new file, holds the rows; memory stays bounded."""
        result, digests, batch = FeatureSet(), [], {}

        def read(path):
            try:
                digest = sha256_of(path)
                known = self._is_kept(digest)
                return digest, None if known else self.network.prepare(read_image(path, max_pixels).on_white()), None
            except ImageError as error:
                return None, None, " ".join(str(error).split())
            except OSError as error:
                return None, None, f"{str(path)!r} cannot be read ({error.strerror})"

        for number, (path, (digest, picture, reason)) in enumerate(zip(paths, in_threads(read, paths)), 1):
            if reason is not None:
                result.rejected[path] = reason
            else:
                result.paths.append(path)
                digests.append(digest)
                # asked again: its like may have been computed since the thread looked
                if picture is not None and not self._is_kept(digest):
                    batch[digest] = picture
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

    def _compute(self, batch):
        if batch:
            for digest, row in zip(batch, self.network.forward(np.stack(list(batch.values())))):
                with whole_file(self._place(digest)) as temporary:
                    np.asarray(row, np.float32).tofile(temporary)
            batch.clear()

    def _is_kept(self, digest):
        try:
            return self._place(digest).stat().st_size == self._bytes
        except FileNotFoundError:
            return False

    def _place(self, digest):
        return self._folder / digest[:2] / digest
