"""Answers of raters: read, checked and kept."""

from __future__ import annotations

import json
import threading
from collections import Counter
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Union

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, whole_file
from animegan3_tf.study.design import Shown, Study, schedule

Answer = Union[str, list[str], None]  # see `Answers`

LANGUAGES = ("en", "vi")
MAX_BYTES = 1_000_000  # a rater's answers take some ten thousand


class AnswersError(ValueError):
    """Answers that the page of this study does not make. The message is a predicate: a file's name goes before it."""


@dataclass(frozen=True)
class Answers:
    """The answers of one rater.

    Attributes:
        seed: The seed of the rater's schedule.
        block: The rater's block.
        language: The language of the page.
        given: (trial as shown, {question: answer}) in the order seen. A pairwise answer is the code of the chosen
            image, or None for no difference. A ranking's answer is the list of all codes, the best first.
    """

    seed: int
    block: int
    language: str
    given: tuple[tuple[Shown, dict[str, Answer]], ...]

    @property
    def rater(self) -> str:
        """The rater's name: block and seed."""
        return f"{self.block}-{self.seed:08x}"


def read_answers(text: str | bytes, study: Study) -> Answers:
    """Reads one rater's answers and checks that they answer all questions of the trials that the seed gives, in order.

    Args:
        text: JSON as the page saves and sends it.
        study: The study.

    Raises:
        AnswersError: The page of this study does not make such answers.
    """
    try:
        saved = json.loads(text)
    except (ValueError, RecursionError):  # ValueError also for bytes that are not UTF-8
        raise AnswersError("is not JSON") from None
    if not isinstance(saved, dict) or not isinstance(saved.get("given"), list):
        raise AnswersError("holds no answers")
    if saved.get("study") != study.id:
        raise AnswersError(f"answers study {str(saved.get('study'))[:40]!r}, not {study.id!r}")
    seed, block = (_whole(saved, name, most) for name, most in (("seed", 2**32), ("block", study.blocks)))
    if saved.get("language") not in LANGUAGES:
        raise AnswersError(f"names no language of the page ({', '.join(LANGUAGES)})")
    expected = schedule(study, seed, block)
    if len(saved["given"]) != len(expected):
        raise AnswersError(f"has {len(saved['given']):,} of {len(expected):,} answers")
    checked = (_checked(one, shown, study, i) for i, (one, shown) in enumerate(zip(saved["given"], expected), 1))
    return Answers(seed, block, saved["language"], tuple(zip(expected, checked)))


def _whole(saved: dict, name: str, most: int) -> int:
    value = saved.get(name)
    if type(value) is not int or not 0 <= value < most:  # True is an int to isinstance
        raise AnswersError(f"has no {name} from 0 to {most - 1:,}")
    return value


def _checked(answer: object, shown: Shown, study: Study, number: int) -> dict[str, Answer]:
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
            raise AnswersError(f"names no such picture, or not all, in answer {number}")
    return answers


MOST_RATERS = 10_000  # files: a sender chooses the seed, and must not be able to fill the disk


class AnswerFolder:
    """The answers that were received: one file for each rater, written whole or not at all, and never replaced.

    Args:
        folder: The folder, made if missing.
        study: The study that the answers belong to.

    Raises:
        UserError: The folder cannot be made.
    """

    def __init__(self, folder: StrPath, study: Study) -> None:
        self.folder, self.study = Path(folder), study
        self._saving, self._handing = threading.Lock(), threading.Lock()  # two: a page need not wait for the disk
        self._handed: Counter[int] = Counter()  # block -> how often its page was requested
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"--out {quote(folder)} cannot be made ({error.strerror}); name another folder") from None

    def save(self, body: bytes) -> tuple[int, str]:
        """Keeps one rater's answers.

        Args:
            body: JSON as the page sends it.

        Returns:
            An HTTP status and a line that explains it. 201: the file is written. 200: the same answers were kept
            before (a connection may break between writing and reply). 409: other answers of this rater are kept.
            400: the page would not send this. 507: the folder is full.
        """
        try:
            answers = read_answers(body, self.study)
        except AnswersError as error:
            return HTTPStatus.BAD_REQUEST, f"the request {error}"
        path = self.folder / f"answers-{self.study.id}-{answers.rater}.json"
        with self._saving:
            if path.exists():
                same = path.read_bytes() == body
                return (HTTPStatus.OK, "kept already") if same else (HTTPStatus.CONFLICT, "other answers are kept")
            if len(self._files()) >= MOST_RATERS:
                return HTTPStatus.INSUFFICIENT_STORAGE, f"{MOST_RATERS:,} raters have answered, and no more are taken"
            with whole_file(path, durable=True) as temporary:
                temporary.write_bytes(body)
        return HTTPStatus.CREATED, "kept"

    def next_block(self) -> int:
        """The block with the fewest answers; of equals the one whose page was requested least, then the lowest."""
        answered = Counter(path.stem.split("-")[2] for path in self._files())
        with self._handing:
            block = min(range(self.study.blocks), key=lambda b: (answered[str(b)], self._handed[b], b))
            self._handed[block] += 1
        return block

    def _files(self) -> list[Path]:
        return list(self.folder.glob(f"answers-{self.study.id}-*-*.json"))
