"""Answers as comparisons of two methods."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from animegan3_tf.evaluation.study.answers import Answers
from animegan3_tf.evaluation.study.key import Key


@dataclass(frozen=True)
class Comparisons:
    """Who (rater) found which of two methods better, int arrays [M]: outcome 1 the first, -1 the second, 0 neither.

    subject: the number of the pair of pictures.
    """

    rater: np.ndarray
    subject: np.ndarray
    first: np.ndarray
    second: np.ndarray
    outcome: np.ndarray


def gather(
    key: Key, answers: list[Answers], question: str
) -> tuple[Comparisons, list[tuple[int, bool]], list[tuple[int, bool]]]:
    """(comparisons, repeats, left): `Comparisons`, [(rater, answered alike)], [(rater, chose the left picture)].

    Raters are numbered as in `answers`. Only first showings are compared; a ranking's repeat counts once a pair.

    A ranking gives a comparison of every two of its pictures. A subject is a pair of pictures, its first the one the
    table of trials names first: that order is random, so that no kind of answer is the likelier for it.
    """
    number = {method: i for i, method in enumerate(key.methods)}
    method = {code: number[name] for code, (_, name) in key.pictures.items()}
    subjects, comparisons, repeats, left = {}, [], [], []
    for rater, of in enumerate(answers):
        before = {}
        for shown, given in of.given:
            outcomes = _outcomes(key.study.trials[shown.trial][1], given[question])
            if key.study.kind == "pairwise" and given[question] is not None:
                left.append((rater, given[question] == shown.pictures[0]))
            if shown.repeat:
                repeats += [(rater, outcomes[pair] == before[shown.trial][pair]) for pair in outcomes]
                continue
            before[shown.trial] = outcomes
            for (a, b), outcome in outcomes.items():
                subject = subjects.setdefault((a, b), len(subjects))
                comparisons.append((rater, subject, method[a], method[b], outcome))
    return Comparisons(*np.array(comparisons).T), repeats, left


def _outcomes(codes, answer):
    """{(first, second): 1, -1 or 0} of every two pictures of a trial."""
    if answer is None or isinstance(answer, str):
        return {tuple(codes): 0 if answer is None else 1 if answer == codes[0] else -1}
    place = {code: i for i, code in enumerate(answer)}
    return {(a, b): 1 if place[a] < place[b] else -1 for a, b in combinations(codes, 2)}
