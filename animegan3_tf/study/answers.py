"""Answers of raters: read, checked and kept."""

from __future__ import annotations

import errno
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

Answer = Union[str, tuple[str, ...], None]  # see `Answers`

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
            image, or None for no difference. A ranking's answer holds all codes, the best first.
    """

    seed: int
    block: int
    language: str
    given: tuple[tuple[Shown, dict[str, Answer]], ...]

    @property
    def rater(self) -> str:
        """The rater's name: block and seed."""
        return f"{self.block}-{self.seed:08x}"

    def to_json(self, study: Study) -> str:
        """The text that the page of the study saves and sends."""
        given = [
            {
                "trial": shown.trial,
                "pictures": shown.pictures,
                "answers": {question: answers[question] for question in study.questions},
            }
            for shown, answers in self.given
        ]
        values = {"study": study.id, "seed": self.seed, "block": self.block, "language": self.language, "given": given}
        return json.dumps(values, separators=(",", ":"))


def read_answers(text: str | bytes, study: Study) -> Answers:
    """Reads one rater's answers and checks that they answer all questions of the trials that the seed gives, in order.

    Args:
        text: JSON as the page saves and sends it.
        study: The study.

    Raises:
        AnswersError: The page of this study does not make such answers.
    """
    from pydantic import ValidationError

    from animegan3_tf.study.schema import AnswersForm, what_is_wrong

    try:
        saved = AnswersForm.model_validate_json(text)
    except ValidationError as error:
        raise AnswersError(what_is_wrong(error)) from None
    if saved.study != study.id:
        raise AnswersError(f"answers study {saved.study!r}, not {study.id!r}")
    if saved.block >= study.blocks:
        raise AnswersError(f"has no block from 0 to {study.blocks - 1:,}")
    expected = schedule(study, saved.seed, saved.block)
    if len(saved.given) != len(expected):
        raise AnswersError(f"has {len(saved.given):,} of {len(expected):,} answers")
    for number, (one, shown) in enumerate(zip(saved.given, expected), 1):
        if (one.trial, one.pictures) != (shown.trial, shown.pictures):
            raise AnswersError(f"shows other pictures in answer {number} than its seed gives")
        if one.answers.keys() != set(study.questions):
            raise AnswersError(f"does not answer the study's questions in answer {number}")
        if not all(_is_answer(value, shown, study) for value in one.answers.values()):
            raise AnswersError(f"names no such picture, or not all, in answer {number}")
    return Answers(saved.seed, saved.block, saved.language, tuple(zip(expected, (one.answers for one in saved.given))))


def _is_answer(value: Answer, shown: Shown, study: Study) -> bool:
    if study.kind == "pairwise":
        return value is None or value in shown.pictures
    return isinstance(value, tuple) and sorted(value) == sorted(shown.pictures)


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
        """Keeps one rater's answers, as the page would write them: nothing else that a sender adds gets onto the disk.

        Args:
            body: JSON as the page sends it.

        Returns:
            An HTTP status and a line that explains it. 201: the file is on the disk. 200: the same answers were kept
            before (a connection may break between writing and reply). 409: other answers of this rater are kept.
            400: the page would not send this. 507: the folder or the disk is full. 500: it cannot be written.
        """
        try:
            answers = read_answers(body, self.study)
        except AnswersError as error:
            return HTTPStatus.BAD_REQUEST, f"the request {error}"
        path = self.folder / f"answers-{self.study.id}-{answers.rater}.json"
        text = answers.to_json(self.study).encode()
        try:
            with self._saving:
                if path.exists():
                    same = path.read_bytes() == text
                    return (HTTPStatus.OK, "kept already") if same else (HTTPStatus.CONFLICT, "other answers are kept")
                if len(self._files()) >= MOST_RATERS:
                    line = f"{MOST_RATERS:,} raters have answered, and no more are taken"
                    return HTTPStatus.INSUFFICIENT_STORAGE, line
                with whole_file(path, durable=True) as temporary:
                    temporary.write_bytes(text)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            status = HTTPStatus.INSUFFICIENT_STORAGE if full else HTTPStatus.INTERNAL_SERVER_ERROR
            return status, f"the answers could not be written ({error.strerror})"
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
