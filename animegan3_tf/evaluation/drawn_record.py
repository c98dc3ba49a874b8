"""A record of which generator drew a folder's images from which photos, to find those that need no redrawing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import animegan3_tf
from animegan3_tf.errors import UserError
from animegan3_tf.evaluation.feature_network import sha256_of
from animegan3_tf.files import remove_leftovers, whole_file
from animegan3_tf.images import find_images, quote

RECORD = "drawn.jsonl"


class DrawnRecord:
    """The record of a folder's images: the file RECORD, which gets one line of JSON for each image drawn.

    An image stands, and is not drawn again, when its bytes, its photo's bytes, the generator and this package's version
    are those of the record. Opening the record deletes recorded images that do not stand, so that no outdated image is
    measured.

    Args:
        folder: The folder of images.
        generator: See `Generator.sha256`.
        targets: {photo: its image's path in the folder}.

    Attributes:
        folder: The folder of images.
        standing: The photos whose images stand.

    Raises:
        UserError: The folder holds an image that is neither recorded nor a target: somebody else's.
    """

    def __init__(self, folder: str | os.PathLike, generator: str, targets: Mapping[Path, Path]) -> None:
        self.folder, self._path = Path(folder), Path(folder, RECORD)
        self._head = {"generator_sha256": generator, "animegan3_tf": animegan3_tf.__version__}
        self._targets = targets
        self._digests = {photo: _digest(photo) for photo in targets}  # taken before the photos are read for drawing
        head, lines = self._read()
        known = {line["picture"]: line for line in lines} if head == self._head else {}
        self.standing = {photo for photo in targets if self._stands(photo, known)}
        self._tidy({line["picture"] for line in lines})
        self._write([known[self._name(targets[photo])] for photo in targets if photo in self.standing])

    def add(self, photo: Path) -> None:
        """Records that a photo's image was written."""
        target = self._targets[photo]
        line = {"picture": self._name(target), "sha256": _digest(target), "photo_sha256": self._digests[photo]}
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _stands(self, photo: Path, known: Mapping[str, Mapping[str, str]]) -> bool:
        line = known.get(self._name(self._targets[photo]))
        return (
            line is not None
            and line["photo_sha256"] == self._digests[photo]
            and line["sha256"] == _digest(self._targets[photo])
        )

    def _tidy(self, recorded: set[str]) -> None:
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

    def _read(self) -> tuple[object, list[dict[str, str]]]:
        """Reads the head and the complete lines; a killed process may have left half a line."""
        head: object = None
        lines: list[dict[str, str]] = []
        try:
            with open(self._path, encoding="utf-8") as file:
                head = json.loads(next(file))
                for text in file:
                    line = json.loads(text)
                    lines.append({key: str(line[key]) for key in ("picture", "sha256", "photo_sha256")})
        except (FileNotFoundError, StopIteration, ValueError, KeyError, TypeError):
            pass
        return head, lines

    def _write(self, lines: Iterable[Mapping[str, str]]) -> None:
        with whole_file(self._path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in (self._head, *lines)), encoding="utf-8")

    def _name(self, target: Path) -> str:
        return target.relative_to(self.folder).as_posix()


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file; None, which no record holds, where it cannot be read."""
    try:
        return sha256_of(path) if path.is_file() else None
    except OSError:
        return None
