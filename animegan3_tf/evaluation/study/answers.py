"""One rater's answers, as the page saves and sends them."""

from __future__ import annotations

import json
from dataclasses import dataclass

from animegan3_tf.evaluation.study.design import Study
from animegan3_tf.evaluation.study.schedule import Shown, schedule

LANGUAGES = ("en", "vi")
MAX_BYTES = 1_000_000  # a rater's answers are some ten thousand


class AnswersError(ValueError):
    """Answers that the page of this study does not make; the message goes on from the file's name."""


@dataclass(frozen=True)
class Answers:
    """Answers of one rater.

    given: (what was shown, {question: answer}) in the order seen. An answer is the code of the chosen picture or None
    for no difference (pairwise), or all codes with the best first (ranking).
    """

    seed: int
    block: int
    language: str
    given: tuple[tuple[Shown, dict], ...]

    @property
    def rater(self) -> str:
        """A name of the rater: block and seed."""
        return f"{self.block}-{self.seed:08x}"


def read_answers(text: str | bytes, study: Study) -> Answers:
    """Checks JSON against the study: its id, all questions of the trials that the seed gives, in their order.

    Raises AnswersError.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):  # ValueError: bytes that are no UTF-8, too
        raise AnswersError("is no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("given"), list):
        raise AnswersError("holds no answers")
    if told.get("study") != study.id:
        raise AnswersError(f"answers study {str(told.get('study'))[:40]!r}, not {study.id!r}")
    seed, block = (_whole(told, name, most) for name, most in (("seed", 2**32), ("block", study.blocks)))
    if told.get("language") not in LANGUAGES:
        raise AnswersError("names no language of the page")
    expected = schedule(study, seed, block)
    if len(told["given"]) != len(expected):
        raise AnswersError(f"has {len(told['given']):,} of {len(expected):,} answers")
    given = tuple(
        (shown, _checked(answer, shown, study, number))
        for number, (answer, shown) in enumerate(zip(told["given"], expected), 1)
    )
    return Answers(seed, block, told["language"], given)


def _whole(told, name, most):
    value = told.get(name)
    if type(value) is not int or not 0 <= value < most:  # True is an int to isinstance
        raise AnswersError(f"has no {name} from 0 to {most - 1:,}")
    return value


def _checked(answer, shown, study, number):
    if not isinstance(answer, dict) or not isinstance(answer.get("answers"), dict):
        raise AnswersError(f"has no answer {number}")
    if answer.get("pictures") != list(shown.pictures):
        raise AnswersError(f"shows other pictures in answer {number} than its seed gives")
    answers = answer["answers"]
    if answers.keys() != set(study.questions):
        raise AnswersError(f"does not answer the study's questions in answer {number}")
    for value in answers.values():
        pairwise = value is None or value in shown.pictures
        ranked = (
            isinstance(value, list) and len(value) == len(shown.pictures) and all(p in value for p in shown.pictures)
        )
        if not (pairwise if study.kind == "pairwise" else ranked):
            raise AnswersError(f"has no such picture as answer {number} names")
    return answers
