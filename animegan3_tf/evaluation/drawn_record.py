"""Which pictures of a folder stand as they were drawn, by which generator and from which photos."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import animegan3_tf
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.feature_network import sha256_of
from animegan3_tf.files import remove_leftovers, whole_file
from animegan3_tf.images import find_images, quote

RECORD = "drawn.jsonl"


class DrawnRecord:
    """The pictures of `folder` that one generator has drawn, kept in RECORD: a line of JSON each, as they come.

    generator: sha256 of its numbers. targets: {photo: where its picture goes}. A picture stands when its bytes, its
    photo's and the generator are those of its line; another version of this package draws anew. Opening the record
    removes what does not stand, so that nothing stale is ever measured. UserError for pictures that no line tells of
    and no photo asks for: they are somebody else's.
    """

    def __init__(self, folder: str | os.PathLike, generator: str, targets: Mapping[Path, Path]):
        self.folder, self._path = Path(folder), Path(folder, RECORD)
        self._head = {"generator_sha256": generator, "animegan3_tf": animegan3_tf.__version__}
        self._targets = targets
        self._digests = {photo: _digest(photo) for photo in targets}  # before they are read for drawing
        head, lines = self._read()
        known = {line["picture"]: line for line in lines} if head == self._head else {}
        self.standing = {photo for photo in targets if self._stands(photo, known)}
        self._tidy({line["picture"] for line in lines})
        self._write([known[self._name(targets[photo])] for photo in targets if photo in self.standing])

    def add(self, photo: Path) -> None:
        """A photo's picture has been written."""
        target = self._targets[photo]
        line = {"picture": self._name(target), "sha256": _digest(target), "photo_sha256": self._digests[photo]}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _stands(self, photo, known):
        line = known.get(self._name(self._targets[photo]))
        return (
            line is not None
            and line["photo_sha256"] == self._digests[photo]
            and line["sha256"] == _digest(self._targets[photo])
        )

    def _tidy(self, recorded):
        if not self.folder.is_dir():
            return
        for folder, _, _ in os.walk(self.folder):
            remove_leftovers(folder)
        kept = {self._targets[photo] for photo in self.standing}
        stale = [path for path in find_images(self.folder) if path not in kept]
        ours = recorded | {self._name(target) for target in self._targets.values()}
        for path in stale:
            if self._name(path) not in ours:
                raise UserError(f"{quote(path)} was not drawn by this evaluation; remove it, or name another -o")
        for path in stale:
            path.unlink()

    def _read(self):
        """The head and the whole lines; a killed process may have left half a line."""
        head, lines = None, []
        try:
            with open(self._path, encoding="utf-8") as file:
                head = json.loads(next(file))
                for text in file:
                    line = json.loads(text)
                    lines.append({key: str(line[key]) for key in ("picture", "sha256", "photo_sha256")})
        except (FileNotFoundError, StopIteration, ValueError, KeyError, TypeError):
            pass
        return head, lines

    def _write(self, lines):
        with whole_file(self._path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in (self._head, *lines)), encoding="utf-8")

    def _name(self, target):
        return target.relative_to(self.folder).as_posix()


def _digest(path):
    """None, which no line says, for what is no file that can be read."""
    try:
        return sha256_of(path) if path.is_file() else None
    except OSError:
        return None
