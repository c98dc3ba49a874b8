"""The folder of answers that a server keeps."""

from __future__ import annotations

import os
import threading
from collections import Counter
from http import HTTPStatus
from pathlib import Path

from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.study.answers import AnswersError, read_answers
from animegan3_tf.evaluation.study.design import Study
from animegan3_tf.files import whole_file
from animegan3_tf.images import quote

MOST_RATERS = 10_000  # files: a sender chooses the seed, and must not be able to fill the disk


class AnswerFolder:
    """The answers that were received: one file for each rater, written whole or not at all, and never replaced.

    Args:
        folder: The folder, made if missing.
        study: The study that the answers belong to.

    Raises:
        UserError: The folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike, study: Study) -> None:
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
