"""A network that turns images into features, and its description, which belongs beside every number it gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.evaluation.resize import resize_antialiased


@dataclass(frozen=True)
class FeatureNetwork:
    """A frozen network from images to one vector each.

    Attributes:
        name: The network's name in reports.
        layer: The layer that gives the vector.
        weights: SHA-256 of the file or folder of the weights.
        size: Pixels of the side of the square to which images are resized.
        resize: "bilinear" or "bicubic", both antialiased.
        dimension: The length of the vector.
        forward: float32 RGB [N, size, size, 3] in [0, 255] -> [N, dimension].
        is_fid: Whether this is the InceptionV3 of 2015. Only its distances may be called FID and KID.
    """

    name: str
    layer: str
    weights: str
    size: int
    resize: str
    dimension: int
    forward: Callable[[np.ndarray], np.ndarray]
    is_fid: bool = False

    def prepare(self, rgb: np.ndarray) -> np.ndarray:
        """Resizes a uint8 image [H, W, 3] for `forward`; float32 [size, size, 3] in [0, 255]."""
        return resize_antialiased(rgb, (self.size, self.size), self.resize)

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
            "resize": f"{self.resize}, antialiased, to {self.size}x{self.size}",
            "dimension": self.dimension,
        }


def sha256_of(path: str | Path) -> str:
    """Computes the SHA-256 of a file, or of the names and contents of a folder's files, as hexadecimal digits."""
    path, digest = Path(path), hashlib.sha256()
    folder = path.is_dir()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if folder else [path]:
        if folder:
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with open(file, "rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
