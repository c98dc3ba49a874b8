"""The measures of an evaluation, and the registry of metrics: one function each."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS
from animegan3_tf.data.face_align import Detector
from animegan3_tf.data.face_detector import MtcnnDetector
from animegan3_tf.evaluation.distances import SET_SCORES
from animegan3_tf.evaluation.face_scores import FACE_SCORES, FaceEmbedding, dlib_embedding
from animegan3_tf.evaluation.features import FeatureNetwork, anime_likeness, load_features
from animegan3_tf.evaluation.image_scores import PAIR_SCORES, PerceptualDistance, load_perceptual_distance
from animegan3_tf.evaluation.result import Score, is_wanted
from animegan3_tf.models.network_files import NETWORKS

_REGISTRIES: dict[str, dict[Score, Any]] = {"pairs": PAIR_SCORES, "sets": SET_SCORES}


def register_metric(score: Score, measure: Callable[[np.ndarray, np.ndarray], float | None], of: str = "pairs") -> None:
    """Adds a metric: from now on, `evaluate` and `compare` measure it, and their reports show it.

    Args:
        score: Its key and names.
        measure: Its function. Of "pairs", it takes a photo and its image, uint8 RGB [H, W, 3] of one size, and returns
            a number, or None where there is none; several threads call it. Of "sets", it takes features of the
            generated images [N, D] and of a reference [M, D], and returns a number; its keys end in _anime and _photos.
        of: "pairs" or "sets".

    Raises:
        ValueError: There is a metric of this key.
    """
    if any(score.key == other.key for other in (*PAIR_SCORES, *SET_SCORES, *FACE_SCORES)):
        raise ValueError(f"metric {score.key!r} is there already; give another key")
    _REGISTRIES[of][score] = measure


# what --metrics takes beside the keys themselves: words that theses use
WORDS = {
    **{"fid": ("frechet",), "fid-infinity": ("frechet_infinity",), "kid": ("kernel",), "lpips": ("content_distance",)},
    **{"ssim": ("ms_ssim",), "color": ("ciede2000", "yuv"), "edges": ("edge_retention",)},
    **{"flat": ("flatness", "photo_flatness"), "likeness": ("anime_likeness",), "face": ("face_detected",)},
    **{
        "identity": ("identity", "above_strangers"),
        "eyes": ("eyes_drawn", "photo_eyes_drawn"),
        "skin": ("skin_shift",),
    },
}
_OF_SETS = {"frechet_infinity", "artfid"}  # beside SET_SCORES
_FACES = {score.key for score in FACE_SCORES}


def metric_keys(names: str | None) -> frozenset[str] | None:
    """Returns the keys of the metrics that a list names; None, which stands for all, without a list.

    Args:
        names: Words of `WORDS` or keys of metrics, separated by commas.

    Raises:
        UserError: A name is not known.
    """
    if names is None:
        return None
    known = {score.key for score in (*PAIR_SCORES, *SET_SCORES, *FACE_SCORES)} | {"anime_likeness", *_OF_SETS}
    keys: set[str] = set()
    for name in filter(None, (part.strip() for part in names.split(","))):
        if name not in WORDS and name not in known:
            others = sorted(known - {key for several in WORDS.values() for key in several})
            raise UserError(f"metric {name!r} is not known; choose from {', '.join([*WORDS, *others])}")
        keys.update(WORDS.get(name, (name,)))
    if not keys:
        raise UserError(f"--metrics {names!r} names no metric; choose from {', '.join(WORDS)}")
    return frozenset(keys)


_LEAST_FACE = 48  # pixels, in photos reduced to 512

T = TypeVar("T")


@dataclass(frozen=True)
class Measures:
    """The networks and settings of an evaluation. A network that is None leaves its scores without numbers.

    Attributes:
        features: The network for distances between sets.
        distance: The perceptual distance between photo and image.
        likeness: The anime classifier, as a network of one feature.
        detector: The face detector.
        embedding: The network that recognises faces.
        cache: The folder of computed features.
        absent: {key of a score: one line that says why it has no number}.
        replicates: Resamplings for each bootstrap interval; 0 for no intervals.
        seed: The seed of everything random.
        max_pixels: The limit for images that are read.
        warn: Called with one line where the cache cannot be written.
        metrics: The keys of the metrics that are measured; None for all.
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
    warn: Callable[[str], None] | None = None
    metrics: frozenset[str] | None = None

    def to_dict(self) -> dict:
        """The networks and settings as plain values: {what they measure: {key: value}, or None without a network}."""
        return {
            "features": self.features and self.features.to_dict(),
            "distance": self.distance and self.distance.to_dict(),
            "anime_likeness": self.likeness and self.likeness.to_dict(),
            "faces": self.detector and self.detector.settings,
            "identity": self.embedding and self.embedding.to_dict(),
            "bootstrap": {"replicates": self.replicates, "seed": self.seed},
        }


def choose_measures(
    features: str | None,
    distance: str | None,
    cache: Path,
    faces: bool = True,
    replicates: int = 100,
    seed: int = 0,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    warn: Callable[[str], None] | None = None,
    metrics: frozenset[str] | None = None,
) -> Measures:
    """Loads the networks of an evaluation.

    A network that is not named and not there becomes None; one that no metric needs is not loaded.

    Args:
        features: A specification for `load_features`; None for no distances between sets.
        distance: A specification for `load_perceptual_distance`; None for LPIPS where `animegan3 networks get lpips`
            keeps it, else for the ResNet-18 that `features` names or that is installed.
        cache: See `Measures`.
        faces: Whether to look for faces.
        replicates: See `Measures`.
        seed: See `Measures`.
        max_pixels: See `Measures`.
        warn: See `Measures`.
        metrics: See `Measures`.

    Raises:
        UserError: A network that is named cannot be loaded.
    """
    of_sets = [score.key for score in SET_SCORES]
    network = load_features(features) if features and is_wanted(metrics, *_OF_SETS, *of_sets) else None
    kind, _, file = (features or "").partition(":")
    given = f":{file}" if kind == "resnet18" and file else ""
    absent: dict[str, str] = {}
    by_default = "lpips" if NETWORKS["lpips"].is_there else f"resnet18{given}"
    found = likeness = embedding = None
    if is_wanted(metrics, "content_distance", "artfid"):
        load = functools.partial(load_perceptual_distance, distance or by_default)
        found = _optional("content_distance", absent, distance is None, load)
    if is_wanted(metrics, "anime_likeness"):
        whole = file if given and not file.endswith(".npz") else None
        likeness = _optional("anime_likeness", absent, True, lambda: anime_likeness(whole))
    detector = MtcnnDetector(_LEAST_FACE) if faces and is_wanted(metrics, *_FACES) else None
    if detector and is_wanted(metrics, "identity", "above_strangers"):
        embedding = _optional("identity", absent, True, dlib_embedding)
    if not faces:
        absent |= {score.key: "not measured: faces were not looked for; give --faces" for score in FACE_SCORES}
    if "identity" in absent:
        absent["above_strangers"] = absent["identity"]
    if "content_distance" in absent:
        absent["content_distance"] += f"; or LPIPS: {NETWORKS['lpips'].remedy}"
    return Measures(
        network, found, likeness, detector, embedding, cache, absent, replicates, seed, max_pixels, warn, metrics
    )


def _optional(key: str, absent: dict[str, str], may_be_absent: bool, load: Callable[[], T]) -> T | None:
    try:
        return load()
    except UserError as error:
        if not may_be_absent:
            raise
        absent[key] = f"not measured: {error}"
        return None
