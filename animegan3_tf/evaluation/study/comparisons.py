"""Answers as comparisons of two methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from animegan3_tf.evaluation.study.answers import Answers
from animegan3_tf.evaluation.study.key import Key

if TYPE_CHECKING:
    from animegan3_tf.evaluation.study.answers import Answer


@dataclass(frozen=True)
class Comparisons:
    """Comparisons of two methods by raters.

    Attributes:
        rater: The rater's number, int [M].
        subject: The number of the pair of images, int [M].
        first: The first method's number, int [M].
        second: The second method's number, int [M].
        outcome: int [M]: 1 where the first is better, -1 where the second is, 0 for no difference.
    """

    rater: np.ndarray
    subject: np.ndarray
    first: np.ndarray
    second: np.ndarray
    outcome: np.ndarray


def gather(
    key: Key, answers: list[Answers], question: str
) -> tuple[Comparisons, list[tuple[int, bool]], list[tuple[int, bool]]]:
    """Turns the answers to a question into comparisons.

    Only first showings are compared. A ranking gives a comparison of every two of its images. The first image of a
    pair is the one that the table of trials names first; that order is random, so that it makes no answer more likely.

    Args:
        key: The study's key.
        answers: The raters' answers; a rater's number is the index in this list.
        question: The question.

    Returns:
        (comparisons, repeats, left). repeats: (rater, whether the repeat was answered alike), for a ranking once for
        each pair. left: (rater, whether the left image was chosen), without ties and rankings.
    """
    number = {method: i for i, method in enumerate(key.methods)}
    method = {code: number[name] for code, (_, name) in key.pictures.items()}
    subjects: dict[tuple[str, str], int] = {}
    comparisons, repeats, left = [], [], []
    for rater, one in enumerate(answers):
        before: dict[int, dict[tuple[str, str], int]] = {}
        for shown, given in one.given:
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


def _outcomes(codes: Sequence[str], answer: Answer) -> dict[tuple[str, str], int]:
    """{(first, second): 1, -1 or 0} for every two images of a trial."""
    if answer is None or isinstance(answer, str):
        first, second = codes
        return {(first, second): 0 if answer is None else 1 if answer == first else -1}
    place = {code: i for i, code in enumerate(answer)}
    return {(a, b): 1 if place[a] < place[b] else -1 for a, b in combinations(codes, 2)}
