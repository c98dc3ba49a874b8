"""The records of a folder of pairs: manifest.json, rejected.json, and a journal in case the run is killed."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import remove_leftovers, write_json
from animegan3_tf.data.manifest import MANIFEST, REJECTED, Journal, not_writable, read_book, write_book

PHOTO, ANIME = "photo", "anime"  # the two folders
CROSSED_OFF = "crossed off: a person left it out"
_PARTS = ("photos", "pairs", "settings")


class Rejection(NamedTuple):
    """A face, or a whole photo, that gave no pair.

    Attributes:
        stem: The stem that the face's pair would have; None for a whole photo.
        reason: One line, which begins with its kind and a colon.
    """

    stem: str | None
    reason: str


class PairManifest:
    """The records of a folder of pairs; one process at a time may hold it.

    A photo is known by the sha256 of its file, so that it is drawn once, whatever its name. manifest.json holds
    "settings" (how all pairs of the folder were made), "photos" {sha256: {"name", "pairs", "rejected"}} and "pairs"
    {stem: record}; `photo/<stem>.png` and `anime/<stem>.png` are the pair. rejected.json holds {name of the photo:
    reasons}.

    Attributes:
        folder: Folder of the pairs.
        pairs: {stem: record} of all pairs.
    """

    def __init__(self, folder: Path, settings: dict | None = None) -> None:
        """Opens the records of a folder, and takes over the journal of a killed run.

        Args:
            folder: Folder of the pairs, made if missing.
            settings: Everything the pairs depend on, as JSON takes it; None takes those of the folder, which then must
                hold pairs.

        Raises:
            UserError: The folder holds pairs that were made with other settings, or a manifest of something else, or
                cannot be written.
        """
        if settings is None and not (folder / MANIFEST).is_file():
            raise UserError(f"folder {quote(folder)} holds no pairs; make them with animegan3 pairs PHOTOS --teacher")
        self.folder = folder
        try:
            for name in (PHOTO, ANIME):
                (folder / name).mkdir(parents=True, exist_ok=True)
                remove_leftovers(folder / name)
        except OSError as error:
            raise not_writable(folder, error) from None
        stored: dict[str, dict] = {part: {} for part in _PARTS}
        for part, name, value in read_book(folder / MANIFEST, lambda part, value: part in _PARTS):
            stored[part][name] = value
        self._photos, self.pairs = stored["photos"], stored["pairs"]
        self._settings = stored["settings"] if settings is None else json.loads(json.dumps(settings))
        changed = sorted(key for key, value in self._settings.items() if stored["settings"].get(key, value) != value)
        if changed:
            changes = "; ".join(f"{key} was {stored['settings'][key]!r}, is {self._settings[key]!r}" for key in changed)
            raise UserError(
                f"folder {quote(folder)} holds pairs made with other settings ({changes}); name another folder"
            )
        self._unread: dict[str, str] = {}
        self._journal = Journal(folder)
        for sha256, record, _ in self._journal.read():
            if record is not None:
                self._take(sha256, record)
        self.save()  # ends the journal, whose last line may be torn

    def is_done(self, sha256: str) -> bool:
        """Returns whether a photo was done and its pairs are still in the folder."""
        record = self._photos.get(sha256)
        if record is None:
            return False
        stems = record["pairs"]
        try:
            return all(
                (self.folder / folder / f"{stem}.png").stat().st_size == self.pairs[stem][f"{folder}_bytes"]
                for stem in stems
                for folder in (PHOTO, ANIME)
            )
        except (OSError, KeyError):
            return False

    def enter(self, sha256: str, name: str, pairs: dict[str, dict], rejected: Iterable[Rejection]) -> None:
        """Records the pairs and rejections of a photo, and hands the record to the system at once.

        Args:
            sha256: SHA-256 of the photo's file.
            name: The photo's name, for people.
            pairs: {stem: record} of its pairs, whose images are written already.
            rejected: The faces that gave no pair, or the whole photo.

        Raises:
            UserError: The journal cannot be written.
        """
        record = {"name": name, "pairs": pairs, "rejected": [list(one) for one in rejected]}
        try:
            self._journal.write(sha256, record, None)
        except OSError as error:
            raise not_writable(self.folder, error) from None
        self._take(sha256, record)

    def enter_unreadable(self, name: str, reason: str) -> None:
        """Notes a photo that could not be read; it is tried again next time."""
        self._unread[name] = reason

    def cross_off(self, stems: Collection[str]) -> int:
        """Removes pairs that a person crossed off, for good.

        Args:
            stems: The stems of the pairs; those that were crossed off before are passed over.

        Returns:
            How many were removed now.

        Raises:
            UserError: A stem belongs to no pair of the folder.
        """
        before = {stem for record in self._photos.values() for stem, _ in record["rejected"]}
        unknown = sorted(stem for stem in stems if stem not in self.pairs and stem not in before)
        if unknown:
            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            raise UserError(
                f"review names {unknown[0]!r}{more}, which {quote(self.folder)} does not hold; give the review of this "
                "folder"
            )
        gone = [stem for stem in stems if stem in self.pairs]
        for stem in gone:
            photo = self._photos[self.pairs.pop(stem)["photo_sha256"]]
            photo["pairs"].remove(stem)
            photo["rejected"].append([stem, CROSSED_OFF])
        self.save()  # before the files go: a kill in between leaves files that no record names, which train reports
        for stem in gone:
            for folder in (PHOTO, ANIME):
                (self.folder / folder / f"{stem}.png").unlink(missing_ok=True)
        return len(gone)

    def rejections(self) -> Iterator[tuple[str, Rejection]]:
        """Yields (name of the photo, rejection) for every face and photo that gave no pair."""
        for record in self._photos.values():
            for stem, reason in record["rejected"]:
                yield record["name"], Rejection(stem, reason)
        for name, reason in self._unread.items():
            yield name, Rejection(None, f"unreadable: {reason}")

    def save(self) -> None:
        """Writes both files, each whole or not at all, and removes the journal."""
        parts = {"photos": self._photos, "pairs": self.pairs, "settings": self._settings}
        entries = ((part, name, parts[part][name]) for part in sorted(parts) for name in sorted(parts[part]))
        rejected: dict[str, list[str]] = {}
        for name, (stem, reason) in sorted(self.rejections(), key=str):
            rejected.setdefault(name, []).append(reason if stem is None else f"{stem}: {reason}")
        try:
            write_book(self.folder / MANIFEST, entries)
            write_json(self.folder / REJECTED, rejected)
            self._journal.remove()
        except OSError as error:
            raise not_writable(self.folder, error) from None

    def _take(self, sha256: str, record: dict) -> None:
        for stem in self._photos.get(sha256, {}).get("pairs", ()):
            self.pairs.pop(stem, None)
        self._photos[sha256] = {**record, "pairs": sorted(record["pairs"])}
        self.pairs |= record["pairs"]
