"""What an evaluation measures with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from animegan3_tf.data.face import Detector
from animegan3_tf.data.face_detector import MtcnnDetector
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.face_embedding import FaceEmbedding, dlib_embedding
from animegan3_tf.evaluation.face_scores import FACE_SCORES
from animegan3_tf.evaluation.feature_network import FeatureNetwork
from animegan3_tf.evaluation.features import anime_likeness, load_features
from animegan3_tf.evaluation.perceptual_distance import PerceptualDistance, load_perceptual_distance
from animegan3_tf.images import DEFAULT_MAX_PIXELS

_LEAST_FACE = 48  # pixels, of photos reduced to 512


@dataclass(frozen=True)
class Measures:
    """The networks and settings of an evaluation.

    features: of the distances between sets; None leaves these out. distance: from photo to picture. likeness: a
    network of one feature. detector, embedding: of faces. What is None goes without a number; `absent` {key of a score:
    one line} says why.
    cache: folder of the features. replicates: of each bootstrap interval, 0 for none.
    """

    features: FeatureNetwork | None
    distance: PerceptualDistance | None
    likeness: FeatureNetwork | None
    detector: Detector | None
    embedding: FaceEmbedding | None
    cache: Path
    absent: dict[str, str] = field(default_factory=dict)
    replicates: int = 100
    seed: int = 0
    max_pixels: int = DEFAULT_MAX_PIXELS


def choose_measures(
    features: str | None,
    distance: str | None,
    cache: Path,
    faces: bool = True,
    replicates: int = 100,
    seed: int = 0,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Measures:
    """Loads the networks that two specifications name; a ResNet-18 that `features` names, or installed, gives the rest.

    What was not asked for by name and is not there becomes None; what was is an error. features: None for no distances
    between sets. faces: look for them.
    """
    network = load_features(features) if features else None
    kind, _, file = (features or "").partition(":")
    given = f":{file}" if kind == "resnet18" and file else ""
    absent = {}
    found = _optional(
        "content_distance", absent, distance is None, lambda: load_perceptual_distance(distance or f"resnet18{given}")
    )
    whole = file if given and not file.endswith(".npz") else None
    likeness = _optional("anime_likeness", absent, True, lambda: anime_likeness(whole))
    detector = MtcnnDetector(_LEAST_FACE) if faces else None
    embedding = _optional("identity", absent, True, dlib_embedding) if faces else None
    if not faces:
        absent |= {score.key: "not measured: faces were not looked for; --faces does" for score in FACE_SCORES}
    if "identity" in absent:
        absent["above_strangers"] = absent["identity"]
    return Measures(network, found, likeness, detector, embedding, cache, absent, replicates, seed, max_pixels)


def _optional(key, absent, may_be_absent, load):
    try:
        return load()
    except UserError as error:
        if not may_be_absent:
            raise
        absent[key] = f"not measured: {error}"
        return None
