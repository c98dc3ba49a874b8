"""How far one set of pictures is from another, as results."""

from __future__ import annotations

import numpy as np

from animegan3_tf.evaluation.bootstrap import bootstrap_interval
from animegan3_tf.evaluation.feature_network import FeatureNetwork
from animegan3_tf.evaluation.frechet import frechet_distance
from animegan3_tf.evaluation.infinity import frechet_at_infinity, least_pictures
from animegan3_tf.evaluation.kernel import kernel_distance
from animegan3_tf.evaluation.result import Result

LEAST = 50  # pictures in each set


def compare_sets(
    generated: np.ndarray, reference: np.ndarray, to: str, network: FeatureNetwork, replicates: int, seed: int
) -> list[Result]:
    """Frechet distance, its extrapolation and kernel distance of features [N, D] to a reference [M, D].

    to: what the reference is, "anime" or "photos". Only the InceptionV3 of 2015 makes them FID and KID by name.
    """
    count = f"{len(generated):,} generated, {len(reference):,} {to}"
    frechet, kernel = frechet_name(network), "KID" if network.is_fid else f"kernel distance ({network.name})"
    results = [
        (f"frechet_{to}", f"{frechet} to {to}", frechet_distance),
        (f"kernel_{to}", f"{kernel} to {to}", kernel_distance),
    ]
    infinity = f"frechet_infinity_{to}", f"{frechet}, infinite pictures, to {to}"
    few = too_few(generated, reference)
    if few:
        return [Result(key, name, None, None, "lower", count, few) for key, name, _ in [*results, (*infinity, None)]]
    measured = []
    for key, name, distance in results:
        value = distance(generated, reference)
        interval = bootstrap_interval(value, distance, [generated, reference], replicates, seed) if replicates else None
        note = _rank_note(generated, reference) if distance is frechet_distance else ""
        measured.append(Result(key, name, value, interval, "lower", count, note))
    measured.insert(1, _at_infinity(generated, reference, *infinity, count, seed))
    return measured


def frechet_name(network: FeatureNetwork) -> str:
    """What the Frechet distance in this network may be called."""
    return "FID" if network.is_fid else f"Frechet distance ({network.name})"


def too_few(*sets) -> str:
    """Why sets of features are too small to be compared, or ""."""
    least = min(0 if rows is None else len(rows) for rows in sets)
    return f"not measured: {least:,} pictures are too few; {LEAST} in each set at least" if least < LEAST else ""


def _at_infinity(generated, reference, key, name, count, seed):
    least = least_pictures(generated.shape[1])
    if len(generated) < least:
        why = f"not measured: {len(generated):,} pictures are too few to extrapolate from; {least:,} at least"
        return Result(key, name, None, None, "lower", count, why)
    return Result(key, name, frechet_at_infinity(generated, reference, seed), None, "lower", count)


def _rank_note(generated, reference):
    fewest, dimension = min(len(generated), len(reference)), generated.shape[1]
    if fewest > dimension:
        return ""
    return (
        f"{fewest:,} pictures span fewer than the {dimension:,} dimensions: the number is too large, and compares only "
        "with others of as many pictures"
    )
