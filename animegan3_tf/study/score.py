"""Scores a study from its answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, regular_file
from animegan3_tf.study.answers import MAX_BYTES, Answer, Answers, AnswersError, read_answers
from animegan3_tf.study.build import Key
from animegan3_tf.study.design import Study
from animegan3_tf.study.statistics import MethodScores, Rate, bradley_terry, fleiss_kappa


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


@dataclass(frozen=True)
class QuestionScores:
    """The numbers of one question.

    Attributes:
        methods: The methods' names, in the key's order.
        comparisons: The comparisons that the numbers come from.
        scores: The scores of Bradley and Terry.
        wins: int [n, n]: how often the row's method won against the column's.
        ties: int [n, n]: how often the two tied.
        kappa: Fleiss' kappa; None where it is undefined.
        consistency: The share of repeats answered alike (of their pairs in a ranking); None without repeats.
        left: The share of choices of the left image, without ties; None in a ranking.
    """

    methods: tuple[str, ...]
    comparisons: Comparisons
    scores: MethodScores
    wins: np.ndarray
    ties: np.ndarray
    kappa: float | None
    consistency: Rate | None
    left: Rate | None

    def rate(self, i: int, j: int | None = None) -> Rate | None:
        """How often method i is preferred to method j, or to any other without j. A tie counts half."""
        given = self.comparisons
        for_i = (given.first == i) * given.outcome - (given.second == i) * given.outcome
        between = (given.first == i) | (given.second == i)
        if j is not None:
            between &= (given.first == j) | (given.second == j)
        return Rate.measure((1 + for_i[between]) / 2, given.rater[between])

    def order(self) -> list[int]:
        """The methods' indices, the highest score first."""
        return sorted(range(len(self.methods)), key=lambda i: -self.scores.values[i])

    def rows(self) -> list[dict[str, Any]]:
        """A row for each method, the highest score first: score and preference with their intervals, and counts."""
        return [self._row(i) for i in self.order()]

    def _row(self, i: int) -> dict[str, Any]:
        rate = self.rate(i)
        return {
            "method": self.methods[i],
            "score": float(self.scores.values[i]),
            "score_low": float(self.scores.low[i]),
            "score_high": float(self.scores.high[i]),
            "preference": rate and rate.share,
            "preference_low": rate and rate.low,
            "preference_high": rate and rate.high,
            "wins": int(self.wins[i].sum()),
            "ties": int(self.ties[i].sum()),
            "losses": int(self.wins[:, i].sum()),
            "comparisons": rate.of if rate else 0,
            "effective": rate and rate.effective,
        }

    def pairs(self) -> list[dict[str, Any]]:
        """A row for every two methods: how often each was preferred."""
        return [
            {
                "first": self.methods[i],
                "second": self.methods[j],
                "wins": int(self.wins[i, j]),
                "ties": int(self.ties[i, j]),
                "losses": int(self.wins[j, i]),
                "preference": (rate := self.rate(i, j)) and asdict(rate),
            }
            for i, j in combinations(range(len(self.methods)), 2)
        ]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values for JSON; None where something was not asked or is undefined."""
        return {
            "methods": self.rows(),
            "pairs": self.pairs(),
            "tie_parameter": self.scores.tie,
            "stabilised": self.scores.stabilised,
            "fleiss_kappa": self.kappa,
            "consistency": self.consistency and asdict(self.consistency),
            "left": self.left and asdict(self.left),
        }


@dataclass(frozen=True)
class StudyScores:
    """The numbers of a study.

    Attributes:
        study: The study.
        questions: {question: its numbers}.
        raters: {rater: share of the rater's repeats answered alike}; None without repeats.
        languages: {language of the page: number of raters}.
        rejected: {file: why it was left out}.
    """

    study: Study
    questions: dict[str, QuestionScores]
    raters: dict[str, float | None]
    languages: dict[str, int]
    rejected: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """All scores as plain values for JSON."""
        return {
            "study": self.study.id,
            "kind": self.study.kind,
            "raters": {"count": len(self.raters), "languages": self.languages, "consistency": self.raters},
            "rejected": self.rejected,
            "questions": {name: question.to_dict() for name, question in self.questions.items()},
        }


def score_files(key: Key, paths: Sequence[StrPath]) -> StudyScores:
    """Scores files of answers.

    Args:
        key: The study's key.
        paths: Files, and folders of .json files. A file that cannot be used is left out; `rejected` says why.

    Raises:
        UserError: No file can be used.
    """
    answers: list[Answers] = []
    rejected: dict[str, str] = {}
    seen: dict[str, Path] = {}
    for path in _answer_files(paths):
        try:
            with open(regular_file(path), "rb") as file:
                text = file.read(MAX_BYTES + 1)
            if len(text) > MAX_BYTES:
                raise AnswersError(f"is over {MAX_BYTES:,} bytes")
            found = read_answers(text, key.study)
            if found.rater in seen:
                raise AnswersError(f"is of the same rater as {quote(seen[found.rater])}")
        except UserError:
            rejected[str(path)] = "is not a regular file"
        except OSError as error:
            rejected[str(path)] = f"cannot be read ({error.strerror})"
        except AnswersError as error:
            rejected[str(path)] = str(error)
        else:
            seen[found.rater] = path
            answers.append(found)
    if not answers:
        reasons = "; ".join(f"{quote(path)} {reason}" for path, reason in list(rejected.items())[:3])
        raise UserError(f"no answers can be used: {reasons or 'there are no .json files'}")
    return score(key, answers, rejected)


def score(key: Key, answers: list[Answers], rejected: dict[str, str] | None = None) -> StudyScores:
    """Scores the answers of one or more raters. Only first showings count; repeats measure consistency alone.

    Args:
        key: The study's key.
        answers: One or more raters' answers.
        rejected: {file: why it was left out}, for the result.
    """
    questions, alike = {}, {rater.rater: [0, 0] for rater in answers}
    for question in key.study.questions:
        comparisons, repeats, left = gather(key, answers, question)
        for rater, same in repeats:
            alike[answers[rater].rater][0] += same
            alike[answers[rater].rater][1] += 1
        questions[question] = _question(key, comparisons, repeats, left)
    raters = {rater: same / of if of else None for rater, (same, of) in alike.items()}
    languages = dict(Counter(rater.language for rater in answers))
    return StudyScores(key.study, questions, raters, languages, rejected or {})


def _question(
    key: Key, comparisons: Comparisons, repeats: list[tuple[int, bool]], left: list[tuple[int, bool]]
) -> QuestionScores:
    first, second, outcome, count = comparisons.first, comparisons.second, comparisons.outcome, len(key.methods)
    wins, ties = np.zeros((2, count, count), int)
    np.add.at(wins, (first[outcome > 0], second[outcome > 0]), 1)
    np.add.at(wins, (second[outcome < 0], first[outcome < 0]), 1)
    np.add.at(ties, (first[outcome == 0], second[outcome == 0]), 1)
    table = np.zeros((comparisons.subject.max() + 1, 3), int)  # a subject's answers: first, no difference, second
    np.add.at(table, (comparisons.subject, 1 - outcome), 1)
    return QuestionScores(
        key.methods,
        comparisons,
        bradley_terry(first, second, outcome, comparisons.rater, count),
        wins,
        ties + ties.T,
        fleiss_kappa(table),
        Rate.count(repeats),
        Rate.count(left),
    )


def _answer_files(paths: Sequence[StrPath]) -> list[Path]:
    found: list[Path] = []
    for path in map(Path, paths):
        found += sorted(path.glob("*.json")) if path.is_dir() else [path]
    return list(dict.fromkeys(found))
