"""Embeds faces as vectors whose distances distinguish people."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.feature_network import sha256_of

_DLIB_FILE = "dlib_face_recognition_resnet_model_v1.dat"
INSTALL = "pip install dlib-bin face_recognition_models"


@dataclass(frozen=True)
class FaceEmbedding:
    """A network from faces to vectors, which are compared by Euclidean distance.

    Attributes:
        name: The network's name in reports.
        weights: SHA-256 of its file.
        forward: Faces of `face_chip`, uint8 RGB [N, 150, 150, 3] -> [N, D].
    """

    name: str
    weights: str
    forward: Callable[[np.ndarray], np.ndarray]

    def __call__(self, chips: np.ndarray) -> np.ndarray:
        """Embeds faces of `face_chip`, uint8 RGB [N, 150, 150, 3], as float64 [N, D]."""
        return np.asarray(self.forward(chips), np.float64)

    def to_dict(self) -> dict:
        """The network as a report names it."""
        return {"network": self.name, "weights_sha256": self.weights}


def dlib_embedding() -> FaceEmbedding:
    """Loads dlib's ResNet, D = 128, which the package face_recognition uses too.

    Its authors take two faces for one person where the distance is below 0.6.

    Raises:
        UserError: dlib or the weights are not installed.
    """
    try:
        import dlib
    except ImportError:
        raise UserError(f"identity needs dlib's face network; {INSTALL}") from None
    found = importlib.util.find_spec("face_recognition_models")  # not imported: it needs the old pkg_resources
    places = [Path(place, "models", _DLIB_FILE) for place in (found and found.submodule_search_locations) or ()]
    path = next((path for path in places if path.is_file()), None)
    if path is None:
        raise UserError(f"identity needs the weights of dlib's face network; {INSTALL}")
    network = dlib.face_recognition_model_v1(str(path))
    return FaceEmbedding(
        "dlib face_recognition_resnet_model_v1",
        sha256_of(path),
        lambda chips: np.array([network.compute_face_descriptor(np.ascontiguousarray(chip)) for chip in chips]),
    )
