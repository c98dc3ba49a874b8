"""Evaluates generated images against photos and anime."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf import __version__
from animegan3_tf.common.console import Advance, Progress, counted, no_progress
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, work_folder
from animegan3_tf.common.images import find_images
from animegan3_tf.data.results import match_results
from animegan3_tf.evaluation import distances
from animegan3_tf.evaluation.face_scores import FACE_SCORES, FaceEmbedding, score_faces
from animegan3_tf.evaluation.features import FeatureNetwork, FeatureSet, FeatureStore
from animegan3_tf.evaluation.image_scores import PAIR_SCORES, score_pairs
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.result import Result, Score, bootstrap_interval, is_wanted, score_row
from animegan3_tf.inspection.survey import shown

LEAST = 50  # images that each set must have


def compare_sets(
    generated: np.ndarray,
    reference: np.ndarray,
    to: str,
    network: FeatureNetwork,
    replicates: int,
    seed: int,
    metrics: Collection[str] | None = None,
) -> list[Result]:
    """Measures the Frechet distance, its extrapolation and the other `SET_SCORES` between two sets.

    Args:
        generated: Features [N, D].
        reference: Features [M, D].
        to: The reference's name, "anime" or "photos".
        network: The network of the features. Only with the InceptionV3 of 2015 are the distances called FID and KID.
        replicates: Resamplings for each bootstrap interval; 0 for no intervals.
        seed: The seed of the resampling.
        metrics: The keys of those that are measured; None for all.
    """
    count = f"{len(generated):,} generated, {len(reference):,} {to}"
    infinity = f"frechet_infinity_{to}", f"{set_score_name(distances.FRECHET, network)}, infinite pictures, to {to}"
    chosen = [score for score in distances.SET_SCORES if is_wanted(metrics, score.key)]
    named = [(f"{score.key}_{to}", f"{set_score_name(score, network)} to {to}", score) for score in chosen]
    measured = []
    few = too_few(generated, reference)
    for key, name, score in named:
        if few:
            measured.append(Result(key, name, None, None, score.better, count, few))
            continue
        distance = distances.SET_SCORES[score]
        value = distance(generated, reference)
        interval = bootstrap_interval(value, distance, [generated, reference], replicates, seed)
        note = _rank_note(generated, reference) if distance is distances.frechet_distance else ""
        measured.append(Result(key, name, value, interval, score.better, count, note))
    if is_wanted(metrics, "frechet_infinity"):
        found = Result(*infinity, None, None, "lower", count, few)
        measured.insert(1, found if few else _at_infinity(generated, reference, *infinity, count, seed))
    return measured


def set_score_name(score: Score, network: FeatureNetwork) -> str:
    """The name of one of `SET_SCORES` in a network's features."""
    short = {distances.FRECHET: "FID", distances.KERNEL: "KID"} if network.is_fid else {}
    like = f" ({network.inputs})" if network.inputs else ""
    return f"{short[score]}{like}" if score in short else f"{score.name} ({network.name})"


def too_few(*sets: Sized | None) -> str:
    """Says why sets of features are too small to be compared; "" where they are not."""
    least = min(0 if rows is None else len(rows) for rows in sets)
    return f"not measured: {least:,} pictures are too few; each set needs {LEAST} or more" if least < LEAST else ""


def _at_infinity(generated: np.ndarray, reference: np.ndarray, key: str, name: str, count: str, seed: int) -> Result:
    least = distances.least_images(generated.shape[1])
    if len(generated) < least:
        why = f"not measured: {len(generated):,} pictures are too few to extrapolate from; {least:,} or more are needed"
        return Result(key, name, None, None, "lower", count, why)
    return Result(key, name, distances.frechet_at_infinity(generated, reference, seed), None, "lower", count)


def _rank_note(generated: np.ndarray, reference: np.ndarray) -> str:
    fewest, dimension = min(len(generated), len(reference)), generated.shape[1]
    if fewest > dimension:
        return ""
    return (
        f"{fewest:,} pictures do not span the {dimension:,} dimensions: the number is too large; compare it only with "
        "numbers from as many pictures"
    )


_LEAST_MEAN = 10  # values from which a mean gets an interval
_LIKENESS = Score("anime_likeness", "anime-likeness (ResNet-18 of anime-or-not), 0 to 1", "higher")
_AVERAGES: dict[str, Callable[..., float]] = {"mean": np.mean, "median": np.median}


@dataclass(frozen=True)
class Evaluation:
    """The results of an evaluation.

    Attributes:
        results: Numbers over all images.
        pairs: {generated image: its photo}.
        scores: {key of a kind: float64 [N]} of single images, in the order of the pairs; NaN where there is no number.
        kinds: The kinds of scores.
        folders: The folders "generated", "photos" and "anime".
        sets: The images of each folder; their features are gone.
        measures: The networks and settings.
    """

    results: tuple[Result, ...]
    pairs: dict[Path, Path]
    scores: dict[str, np.ndarray]
    kinds: tuple[Score, ...]
    folders: dict[str, Path]
    sets: dict[str, FeatureSet]
    measures: Measures

    def image_rows(self) -> list[dict[str, str | float | None]]:
        """A row for each generated image with a photo: its name, the photo's, its scores; None without a number."""
        generated, photos = self.folders["generated"], self.folders["photos"]
        return [
            {
                "generated": shown(image, generated),
                "photo": shown(photo, photos),
                **score_row(self.kinds, self.scores, place),
            }
            for place, (image, photo) in enumerate(self.pairs.items())
        ]

    def to_dict(self) -> dict:
        """Everything as plain values for JSON."""
        return {
            "animegan3_tf": __version__,
            **self.measures.to_dict(),
            "sets": {
                kind: {"folder": str(self.folders[kind]), "pictures": len(one.paths), "rejected": len(one.rejected)}
                for kind, one in self.sets.items()
            },
            "rejected": list(rejected(self)),
            "results": [result.to_dict() for result in self.results],
            "pictures": self.image_rows(),
        }


def evaluate(
    generated: StrPath, photos: StrPath, anime: StrPath, measures: Measures, progress: Progress = no_progress
) -> Evaluation:
    """Evaluates a folder of generated images.

    Images that cannot be read are left out; `rejected` lists them.

    Args:
        generated: The folder of generated images.
        photos: The folder of photos; `match_results` finds each image's.
        anime: The folder of anime images.
        measures: The networks and settings.
        progress: A function such as `animegan3_tf.common.console.progress`.

    Raises:
        UserError: A folder holds no images, or images and photos cannot be matched.
    """
    folders = {"generated": Path(generated), "photos": Path(photos), "anime": Path(anime)}
    paths = {kind: find_images(folder) for kind, folder in folders.items()}
    for kind, found in paths.items():
        if not found:
            raise UserError(f"--{kind} {quote(folders[kind])} holds no pictures; name a folder that does")

    pairs = match_results(paths["generated"], folders["generated"], paths["photos"], folders["photos"])
    return _evaluate(folders, paths, pairs, measures, progress)


def evaluate_pairs(
    pairs: dict[Path, Path], anime: StrPath, measures: Measures, progress: Progress = no_progress
) -> Evaluation:
    """Evaluates generated images whose photos are known.

    Args:
        pairs: {generated image: its photo}, in any folders.
        anime: See `evaluate`.
        measures: See `evaluate`.
        progress: See `evaluate`.
    """
    paths = {"generated": list(pairs), "photos": list(dict.fromkeys(pairs.values())), "anime": find_images(anime)}
    folders = {
        kind: Path(os.path.commonpath([path.parent for path in paths[kind]])) for kind in ("generated", "photos")
    }
    return _evaluate({**folders, "anime": Path(anime)}, paths, pairs, measures, progress)


def _evaluate(
    folders: dict[str, Path],
    paths: Mapping[str, Sequence[Path]],
    pairs: Mapping[Path, Path],
    measures: Measures,
    progress: Progress,
) -> Evaluation:
    """Evaluates images; pairs of which one cannot be read are left out."""
    with work_folder() as temporary:
        sets = _features(paths, measures, temporary, progress)
        read = {kind: set(sets[kind].paths) for kind in ("generated", "photos")}
        pairs = {a: b for a, b in pairs.items() if a in read["generated"] and b in read["photos"]}
        with progress("pictures and their photos") as advance:
            scores = score_pairs(pairs, measures.distance, measures.max_pixels, advance, measures.metrics)
        faces, between = _faces(pairs, measures, progress)
        scores |= _likeness(pairs, measures, temporary, progress) | faces
        results: list[Result] = []
        network = measures.features
        if network is not None:
            with progress("distances") as advance:
                results = _distances(sets, network, measures, advance)
                if is_wanted(measures.metrics, "artfid"):
                    results.append(_artfid(sets, pairs, scores, network, measures))
        every = (*PAIR_SCORES, _LIKENESS, *FACE_SCORES)
        kinds = tuple(_named(score, measures) for score in every if is_wanted(measures.metrics, score.key))
        results += [_averaged(kind, scores[kind.key], measures) for kind in kinds]
        if between is not None and measures.embedding is not None:
            results.append(_baseline(between, scores, measures.embedding))
        for one in sets.values():
            one.rows = None  # their files are deleted with the temporary folder
    return Evaluation(tuple(results), pairs, scores, kinds, folders, sets, measures)


def _features(
    paths: Mapping[str, Sequence[Path]], measures: Measures, temporary: Path, progress: Progress
) -> dict[str, FeatureSet]:
    if measures.features is None:
        return {kind: FeatureSet(list(found)) for kind, found in paths.items()}
    sets, store = {}, FeatureStore(measures.features, measures.cache, measures.warn)
    for kind, found in paths.items():
        with progress(f"features, {kind}") as advance:
            sets[kind] = store.features(found, Path(temporary, kind), measures.max_pixels, advance)
    return sets


def _named(score: Score, measures: Measures) -> Score:
    """Adds the network that measures a score to the score's name."""
    if score.key == "content_distance":
        name = measures.distance.name if measures.distance else "perceptual distance"
        return Score(score.key, f"{name} to the photo", score.better)
    if score.key == "identity" and measures.embedding:
        return Score(score.key, f"{score.name} ({measures.embedding.name})", score.better)
    return score


def _likeness(
    pairs: Mapping[Path, Path], measures: Measures, temporary: Path, progress: Progress
) -> dict[str, np.ndarray]:
    if measures.likeness is None or not pairs:
        return {"anime_likeness": np.full(len(pairs), np.nan)}
    with progress("anime-likeness") as advance:
        store = FeatureStore(measures.likeness, measures.cache, measures.warn)
        found = store.features(list(pairs), Path(temporary, "likeness"), measures.max_pixels, advance)
    by_path = {} if found.rows is None else dict(zip(found.paths, found.rows[:, 0].tolist()))
    return {"anime_likeness": np.array([by_path.get(path, np.nan) for path in pairs])}


def _faces(
    pairs: dict[Path, Path], measures: Measures, progress: Progress
) -> tuple[dict[str, np.ndarray], float | None]:
    if measures.detector is None:
        return {score.key: np.full(len(pairs), np.nan) for score in FACE_SCORES}, None
    with progress("faces") as advance:
        return score_faces(pairs, measures.detector, measures.embedding, measures.seed, measures.max_pixels, advance)


def _distances(
    sets: Mapping[str, FeatureSet], network: FeatureNetwork, measures: Measures, advance: Advance | None
) -> list[Result]:
    results: list[Result] = []
    references = ("anime", "photos")
    none = np.zeros((0, network.dimension))
    for to in counted(references, references, advance):
        generated, reference = (none if one.rows is None else one.rows for one in (sets["generated"], sets[to]))
        results += compare_sets(generated, reference, to, network, measures.replicates, measures.seed, measures.metrics)
    return results


def _artfid(
    sets: Mapping[str, FeatureSet],
    pairs: Mapping[Path, Path],
    scores: Mapping[str, np.ndarray],
    network: FeatureNetwork,
    measures: Measures,
) -> Result:
    """Computes ArtFID's form over the images that have a photo."""
    key, name, count = "artfid", "ArtFID's form, (1 + LPIPS) (1 + FID)", f"{len(pairs):,} pairs"
    if not (measures.distance and measures.distance.is_lpips and network.is_fid):
        distance = measures.distance.name if measures.distance else "perceptual distance"
        name = f"(1 + {distance}) (1 + {set_score_name(distances.FRECHET, network)})"
    content = scores["content_distance"]
    known = np.isfinite(content)
    every, anime = sets["generated"].rows, sets["anime"].rows
    why = measures.absent.get("content_distance") or too_few(np.flatnonzero(known), anime)
    if why or every is None or anime is None:
        return Result(key, name, None, None, "lower", count, why)
    rows, style, content = every, anime, content[known]
    if len(content) < len(rows):  # usually every image has a photo, and the rows can stay in their file
        rows = rows[[number for number, path in enumerate(sets["generated"].paths) if path in pairs]][known]

    def resampled(mine: np.ndarray | slice, theirs: np.ndarray | slice) -> float:
        return distances.artfid(content[mine].mean(), distances.frechet_distance(rows[mine], style[theirs]))

    value, numbers = resampled(slice(None), slice(None)), [np.arange(len(rows)), np.arange(len(style))]
    interval = bootstrap_interval(value, resampled, numbers, measures.replicates, measures.seed)
    return Result(key, name, value, interval, "lower", count)


def _averaged(kind: Score, values: np.ndarray, measures: Measures) -> Result:
    known = values[np.isfinite(values)]
    count = f"{len(known):,} pictures"
    if not len(known):
        note = measures.absent.get(kind.key, "not measured: no picture has this score")
        return Result(kind.key, kind.name, None, None, kind.better, count, note)
    average = _AVERAGES[kind.average]
    value, interval = float(average(known)), None
    if len(known) >= _LEAST_MEAN:
        interval = bootstrap_interval(value, average, [known], 10 * measures.replicates, measures.seed)
    note = "" if interval or not measures.replicates else f"no interval from fewer than {_LEAST_MEAN} pictures"
    return Result(kind.key, kind.name, value, interval, kind.better, count, note)


def _baseline(between: float, scores: Mapping[str, np.ndarray], embedding: FaceEmbedding) -> Result:
    """The distance that identity is relative to."""
    name = f"distance between the photos' persons ({embedding.name}), where identity is 0"
    return Result("between_persons", name, between, None, "", f"{np.isfinite(scores['identity']).sum():,} faces")


def rejected(evaluation: Evaluation) -> Sequence[str]:
    """One line for each image that could not be read."""
    return [reason for one in evaluation.sets.values() for reason in one.rejected.values()]
