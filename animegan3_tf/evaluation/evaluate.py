"""Generated pictures against the photos they come from and the anime they should look like."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.artfid import artfid
from animegan3_tf.evaluation.bootstrap import bootstrap_interval
from animegan3_tf.evaluation.face_scores import FACE_SCORES, score_faces
from animegan3_tf.evaluation.feature_store import FeatureSet, FeatureStore
from animegan3_tf.evaluation.frechet import frechet_distance
from animegan3_tf.evaluation.measures import Measures
from animegan3_tf.evaluation.pairs import pair_pictures
from animegan3_tf.evaluation.picture_scores import PAIR_SCORES, score_pairs
from animegan3_tf.evaluation.result import Result
from animegan3_tf.evaluation.score import Score
from animegan3_tf.evaluation.set_results import compare_sets, frechet_name, too_few
from animegan3_tf.images import find_images, quote

_LEAST_MEAN = 10  # values from which a mean gets an interval
_LIKENESS = Score("anime_likeness", "anime-likeness (ResNet-18 of anime-or-not), 0 to 1", "higher")


@dataclass(frozen=True)
class Evaluation:
    """What came out: results, the pictures' own scores {key: [N]} by generated picture, and what it was measured on."""

    results: tuple[Result, ...]
    pairs: dict[Path, Path]
    scores: dict[str, np.ndarray]
    kinds: tuple[Score, ...]
    folders: dict[str, Path]
    sets: dict[str, FeatureSet]
    measures: Measures


def evaluate(
    generated: str | os.PathLike,
    photos: str | os.PathLike,
    anime: str | os.PathLike,
    measures: Measures,
    progress: Callable[[str], contextlib.AbstractContextManager] = lambda what: contextlib.nullcontext(),
) -> Evaluation:
    """Compares folders of pictures; a generated picture's photo is the one of the same name.

    progress: as `animegan3_tf.progress.progress`. Pictures that cannot be read are told of and left out.
    """
    folders = {"generated": Path(generated), "photos": Path(photos), "anime": Path(anime)}
    paths = {kind: find_images(folder) for kind, folder in folders.items()}
    for kind, found in paths.items():
        if not found:
            raise UserError(f"--{kind} {quote(folders[kind])} holds no pictures; name a folder that does")

    def pair(sets):
        return pair_pictures(sets["generated"].paths, folders["generated"], sets["photos"].paths, folders["photos"])

    return _evaluate(folders, paths, pair, measures, progress)


def evaluate_pairs(
    pairs: dict[Path, Path],
    anime: str | os.PathLike,
    measures: Measures,
    progress: Callable[[str], contextlib.AbstractContextManager] = lambda what: contextlib.nullcontext(),
) -> Evaluation:
    """As `evaluate`, of {generated picture: its photo}, wherever they lie."""
    paths = {"generated": list(pairs), "photos": list(dict.fromkeys(pairs.values())), "anime": find_images(anime)}
    folders = {
        kind: Path(os.path.commonpath([path.parent for path in paths[kind]])) for kind in ("generated", "photos")
    }

    def pair(sets):
        read = {kind: set(sets[kind].paths) for kind in ("generated", "photos")}
        return {a: b for a, b in pairs.items() if a in read["generated"] and b in read["photos"]}

    return _evaluate({**folders, "anime": Path(anime)}, paths, pair, measures, progress)


def _evaluate(folders, paths, pair, measures, progress):
    """pair: which pictures belong together, of the sets of those that can be read."""
    with tempfile.TemporaryDirectory() as temporary:
        sets = _features(paths, measures, temporary, progress)
        pairs = pair(sets)
        with progress("pictures and their photos") as advance:
            scores = score_pairs(pairs, measures.distance, measures.max_pixels, advance)
        faces, between = _faces(pairs, measures, progress)
        scores |= _likeness(pairs, measures, temporary, progress) | faces
        results = []
        if measures.features is not None:
            with progress("distances") as advance:
                results = [*_distances(sets, measures, advance), _artfid(sets, pairs, scores, measures)]
        kinds = tuple(_named(score, measures) for score in (*PAIR_SCORES, _LIKENESS, *FACE_SCORES))
        results += [_averaged(kind, scores[kind.key], measures) for kind in kinds]
        if between is not None:
            results.append(_baseline(between, scores, measures))
        for one in sets.values():
            one.rows = None  # their files end with the folder
    return Evaluation(tuple(results), pairs, scores, kinds, folders, sets, measures)


def _features(paths, measures, temporary, progress):
    if measures.features is None:
        return {kind: FeatureSet(list(found)) for kind, found in paths.items()}
    sets, store = {}, FeatureStore(measures.features, measures.cache)
    for kind, found in paths.items():
        with progress(f"features, {kind}") as advance:
            sets[kind] = store.features(found, Path(temporary, kind), measures.max_pixels, advance)
    return sets


def _named(score, measures):
    """The score with the network that measures it in its name."""
    if score.key == "content_distance":
        name = measures.distance.name if measures.distance else "perceptual distance"
        return Score(score.key, f"{name} to the photo", score.better)
    if score.key == "identity" and measures.embedding:
        return Score(score.key, f"{score.name} ({measures.embedding.name})", score.better)
    return score


def _likeness(pairs, measures, temporary, progress):
    if measures.likeness is None or not pairs:
        return {"anime_likeness": np.full(len(pairs), np.nan)}
    with progress("anime-likeness") as advance:
        store = FeatureStore(measures.likeness, measures.cache)
        found = store.features(list(pairs), Path(temporary, "likeness"), measures.max_pixels, advance)
    by_path = dict(zip(found.paths, found.rows[:, 0].tolist()))
    return {"anime_likeness": np.array([by_path.get(path, np.nan) for path in pairs])}


def _faces(pairs, measures, progress):
    if measures.detector is None:
        return {score.key: np.full(len(pairs), np.nan) for score in FACE_SCORES}, None
    with progress("faces") as advance:
        return score_faces(pairs, measures.detector, measures.embedding, measures.seed, measures.max_pixels, advance)


def _distances(sets, measures, advance):
    results, references = [], ("anime", "photos")
    for number, to in enumerate(references):
        rows = sets["generated"].rows, sets[to].rows
        few = too_few(*rows)
        rows = [np.zeros((0, measures.features.dimension)) if r is None else r for r in rows] if few else rows
        results += compare_sets(*rows, to, measures.features, measures.replicates, measures.seed)
        if advance:
            advance(number + 1, len(references), to)
    return results


def _artfid(sets, pairs, scores, measures):
    """ArtFID's form over the pictures that have a photo."""
    whole = measures.distance is not None and measures.distance.is_lpips and measures.features.is_fid
    key, name, count = "artfid", "ArtFID's form, (1 + LPIPS) (1 + FID)", f"{len(pairs):,} pairs"
    if not whole:
        content = measures.distance.name if measures.distance else "perceptual distance"
        name = f"(1 + {content}) (1 + {frechet_name(measures.features)})"
    content = scores["content_distance"]
    known = np.isfinite(content)
    why = measures.absent.get("content_distance") or too_few(np.flatnonzero(known), sets["anime"].rows)
    if why:
        return Result(key, name, None, None, "lower", count, why)
    rows, anime, content = sets["generated"].rows, sets["anime"].rows, content[known]
    if len(content) < len(rows):  # most often all have a photo, and the rows can stay in their file
        rows = rows[[number for number, path in enumerate(sets["generated"].paths) if path in pairs]][known]
    value = artfid(content.mean(), frechet_distance(rows, anime))

    def of(mine, theirs):
        return artfid(content[mine].mean(), frechet_distance(rows[mine], anime[theirs]))

    numbers = [np.arange(len(rows)), np.arange(len(anime))]
    interval = (
        bootstrap_interval(value, of, numbers, measures.replicates, measures.seed) if measures.replicates else None
    )
    return Result(key, name, value, interval, "lower", count)


def _averaged(kind: Score, values: np.ndarray, measures: Measures) -> Result:
    known = values[np.isfinite(values)]
    count = f"{len(known):,} pictures"
    if not len(known):
        note = measures.absent.get(kind.key, "not measured: no picture has this score")
        return Result(kind.key, kind.name, None, None, kind.better, count, note)
    average = {"mean": np.mean, "median": np.median}[kind.average]
    value, interval = float(average(known)), None
    if measures.replicates and len(known) >= _LEAST_MEAN:
        interval = bootstrap_interval(value, average, [known], 10 * measures.replicates, measures.seed)
    note = "" if interval or not measures.replicates else f"no interval from fewer than {_LEAST_MEAN} pictures"
    return Result(kind.key, kind.name, value, interval, kind.better, count, note)


def _baseline(between, scores, measures):
    """What identity is relative to."""
    name = f"distance between the photos' persons ({measures.embedding.name}), where identity is 0"
    return Result("between_persons", name, between, None, "", f"{np.isfinite(scores['identity']).sum():,} faces")


def rejected(evaluation: Evaluation) -> Sequence[str]:
    """One line for each picture that could not be read."""
    return [reason for one in evaluation.sets.values() for reason in one.rejected.values()]
