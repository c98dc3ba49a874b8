"""Distances between sets of images, as results."""

from __future__ import annotations

from collections.abc import Callable, Sized

import numpy as np

from animegan3_tf.evaluation.bootstrap import bootstrap_interval
from animegan3_tf.evaluation.feature_network import FeatureNetwork
from animegan3_tf.evaluation.frechet import frechet_distance
from animegan3_tf.evaluation.infinity import frechet_at_infinity, least_images
from animegan3_tf.evaluation.kernel import kernel_distance
from animegan3_tf.evaluation.result import Result

LEAST = 50  # images that each set must have


def compare_sets(
    generated: np.ndarray, reference: np.ndarray, to: str, network: FeatureNetwork, replicates: int, seed: int
) -> list[Result]:
    """Measures the Frechet distance, its extrapolation and the kernel distance between two sets.

    Args:
        generated: Features [N, D].
        reference: Features [M, D].
        to: The reference's name, "anime" or "photos".
        network: The network of the features. Only with the InceptionV3 of 2015 are the distances called FID and KID.
        replicates: Resamplings for each bootstrap interval; 0 for no intervals.
        seed: The seed of the resampling.
    """
    count = f"{len(generated):,} generated, {len(reference):,} {to}"
    frechet, kernel = frechet_name(network), "KID" if network.is_fid else f"kernel distance ({network.name})"
    distances: list[tuple[str, str, Callable[..., float]]] = [
        (f"frechet_{to}", f"{frechet} to {to}", frechet_distance),
        (f"kernel_{to}", f"{kernel} to {to}", kernel_distance),
    ]
    infinity = f"frechet_infinity_{to}", f"{frechet}, infinite pictures, to {to}"
    few = too_few(generated, reference)
    if few:
        names = [*((key, name) for key, name, _ in distances), infinity]
        return [Result(key, name, None, None, "lower", count, few) for key, name in names]
    measured = []
    for key, name, distance in distances:
        value = distance(generated, reference)
        interval = bootstrap_interval(value, distance, [generated, reference], replicates, seed) if replicates else None
        note = _rank_note(generated, reference) if distance is frechet_distance else ""
        measured.append(Result(key, name, value, interval, "lower", count, note))
    measured.insert(1, _at_infinity(generated, reference, *infinity, count, seed))
    return measured


def frechet_name(network: FeatureNetwork) -> str:
    """The name of the Frechet distance in a network's features."""
    return "FID" if network.is_fid else f"Frechet distance ({network.name})"


def too_few(*sets: Sized | None) -> str:
    """Says why sets of features are too small to be compared; "" where they are not."""
    least = min(0 if rows is None else len(rows) for rows in sets)
    return f"not measured: {least:,} pictures are too few; each set needs {LEAST} or more" if least < LEAST else ""


def _at_infinity(generated: np.ndarray, reference: np.ndarray, key: str, name: str, count: str, seed: int) -> Result:
    least = least_images(generated.shape[1])
    if len(generated) < least:
        why = f"not measured: {len(generated):,} pictures are too few to extrapolate from; {least:,} or more are needed"
        return Result(key, name, None, None, "lower", count, why)
    return Result(key, name, frechet_at_infinity(generated, reference, seed), None, "lower", count)


def _rank_note(generated: np.ndarray, reference: np.ndarray) -> str:
    fewest, dimension = min(len(generated), len(reference)), generated.shape[1]
    if fewest > dimension:
        return ""
    return (
        f"{fewest:,} pictures do not span the {dimension:,} dimensions: the number is too large; compare it only with "
        "numbers from as many pictures"
    )
