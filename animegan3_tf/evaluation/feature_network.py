"""What turns pictures into features, and what has to be told of it beside every number it gives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.evaluation.resize import resize_antialiased


@dataclass(frozen=True)
class FeatureNetwork:
    """A frozen network from pictures to one vector each.

    name: as a paper would tell it, beside every number. layer: where the vector is taken. weights: SHA-256 of what
    holds them. size: side of the square that every picture is resized to. resize: "bilinear" or "bicubic", both
    antialiased.
    forward: float32 RGB [N, size, size, 3] in 0..255 -> [N, dimension].
    is_fid: whether this is the InceptionV3 of 2015, whose distances alone are called FID and KID.
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
        """A uint8 picture [H, W, 3] as `forward` wants it, float32 [size, size, 3]."""
        return resize_antialiased(rgb, (self.size, self.size), self.resize)

    @property
    def key(self) -> str:
        """Differs between networks whose features differ: the name of a folder in a cache."""
        return hashlib.sha256(repr(sorted(self.to_dict().items())).encode()).hexdigest()[:16]

    def to_dict(self) -> dict:
        """What a result says of it."""
        return {
            "network": self.name,
            "layer": self.layer,
            "weights_sha256": self.weights,
            "resize": f"{self.resize}, antialiased, to {self.size}x{self.size}",
            "dimension": self.dimension,
        }


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file, or of a folder's files, names and contents."""
    path, digest = Path(path), hashlib.sha256()
    folder = path.is_dir()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if folder else [path]:
        if folder:
            digest.update(file.relative_to(path).as_posix().encode() + b"\0")
        with open(file, "rb") as opened:
            while piece := opened.read(1 << 20):
                digest.update(piece)
    return digest.hexdigest()
