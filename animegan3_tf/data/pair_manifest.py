"""The records of a folder of pairs: which pair was made of which photo, and why some faces gave none."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import remove_leftovers
from animegan3_tf.data.manifest import (
    MANIFEST,
    REJECTED,
    Entry,
    Format,
    Manifest,
    not_writable,
    read_entries,
    remove,
    write_entries,
)

PHOTO, ANIME = "photo", "anime"  # the two folders
CROSSED_OFF = "crossed off: a person left it out"
_PARTS = ("pairs", "photos", "settings")
_UNREAD = "unread"  # a part of the journal alone: {name of a photo: why it could not be read}


class Rejection(NamedTuple):
    """A face, or a whole photo, that gave no pair.

    Attributes:
        stem: The stem that the face's pair would have; None for a whole photo.
        reason: One line, which begins with its kind and a colon.
    """

    stem: str | None
    reason: str


def _read_pairs(folder: Path) -> Iterator[Entry]:
    return read_entries(folder / MANIFEST, lambda part, value: part in _PARTS)


def _save_pairs(records: Manifest) -> None:
    write_entries(records.folder / MANIFEST, records.entries(*_PARTS))
    rejected: dict[str, list[str]] = {}
    for name, (stem, reason) in sorted(_rejections(records), key=str):
        rejected.setdefault(name, []).append(reason if stem is None else f"{stem}: {reason}")
    write_entries(records.folder / REJECTED, ((name, "", reasons) for name, reasons in rejected.items()), indent=1)


def _rejections(records: Manifest) -> Iterator[tuple[str, Rejection]]:
    for _, _, photo in records.entries("photos"):
        for stem, reason in photo["rejected"]:
            yield photo["name"], Rejection(stem, reason)
    for _, name, reason in records.entries(_UNREAD):
        yield name, Rejection(None, f"unreadable: {reason}")


PAIRS = Format(MANIFEST, _read_pairs, _save_pairs)


class PairManifest:
    """The pairs of one folder; their records are saved as manifest.json and rejected.json.

    A photo is known by the sha256 of its file, so that it is drawn once, whatever its name. manifest.json holds
    "settings" (how all pairs of the folder were made), "photos" {sha256: {"name", "pairs", "rejected"}} and "pairs"
    {stem: record}; `photo/<stem>.png` and `anime/<stem>.png` are the pair. rejected.json holds {name of the photo:
    reasons}.

    Attributes:
        folder: Folder of the pairs.
    """

    def __init__(self, records: Manifest, settings: dict | None = None) -> None:
        """Checks the folder.

        Args:
            records: The `PAIRS` of the folder.
            settings: Everything the pairs depend on, as JSON takes it; None takes those of the folder, which then must
                hold pairs.

        Raises:
            UserError: The folder holds pairs that were made with other settings, or cannot be written.
        """
        self.folder, self._records = records.folder, records
        if settings is None and next(records.entries(*_PARTS), None) is None:
            raise UserError(
                f"folder {quote(self.folder)} holds no pairs; make them with animegan3 pairs PHOTOS --teacher"
            )
        try:
            for name in (PHOTO, ANIME):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
                remove_leftovers(self.folder / name)
        except OSError as error:
            raise not_writable(self.folder, error) from None
        before: dict[str, Any] = {name: value for _, name, value in records.entries("settings")}
        now = before if settings is None else json.loads(json.dumps(settings))
        changed = sorted(key for key, value in now.items() if before.get(key, value) != value)
        if changed:
            changes = "; ".join(f"{key} was {before[key]!r}, is {now[key]!r}" for key in changed)
            raise UserError(
                f"folder {quote(self.folder)} holds pairs made with other settings ({changes}); name another folder"
            )
        gone = [("settings", key) for key in before] + [(_UNREAD, name) for name in records.names(_UNREAD)]
        records.write((("settings", key, value) for key, value in now.items()), gone)

    @property
    def pairs(self) -> dict[str, dict]:
        """{stem: record} of all pairs."""
        return {stem: record for _, stem, record in self._records.entries("pairs")}

    def is_done(self, sha256: str) -> bool:
        """Returns whether a photo was done and its pairs are still in the folder."""
        photo = self._records.get("photos", sha256)
        if photo is None:
            return False
        try:
            for stem in photo["pairs"]:
                record = self._records.get("pairs", stem) or {}
                for folder in (PHOTO, ANIME):
                    if (self.folder / folder / f"{stem}.png").stat().st_size != record[f"{folder}_bytes"]:
                        return False
        except (OSError, KeyError):
            return False
        return True

    def enter(self, sha256: str, name: str, pairs: dict[str, dict], rejected: Iterable[Rejection]) -> None:
        """Records the pairs and rejections of a photo.

        Args:
            sha256: SHA-256 of the photo's file.
            name: The photo's name, for people.
            pairs: {stem: record} of its pairs, whose images are written already.
            rejected: The faces that gave no pair, or the whole photo.

        Raises:
            UserError: The folder cannot be written.
        """
        before = self._records.get("photos", sha256) or {"pairs": []}
        photo = {"name": name, "pairs": sorted(pairs), "rejected": [list(one) for one in rejected]}
        made = (("pairs", stem, record) for stem, record in pairs.items())
        self._records.write([("photos", sha256, photo), *made], gone=[("pairs", stem) for stem in before["pairs"]])

    def enter_unreadable(self, name: str, reason: str) -> None:
        """Notes a photo that could not be read; it is tried again next time."""
        self._records.write([(_UNREAD, name, reason)])

    def cross_off(self, stems: Collection[str]) -> int:
        """Removes pairs that a person crossed off, for good.

        Args:
            stems: The stems of the pairs; those that were crossed off before are passed over.

        Returns:
            How many were removed now.

        Raises:
            UserError: A stem belongs to no pair of the folder.
        """
        pairs, before = self.pairs, {rejection.stem for _, rejection in self.rejections()}
        unknown = sorted(stem for stem in stems if stem not in pairs and stem not in before)
        if unknown:
            more = f" and {len(unknown) - 1:,} more" if len(unknown) > 1 else ""
            raise UserError(
                f"review names {unknown[0]!r}{more}, which {quote(self.folder)} does not hold; give the review of this "
                "folder"
            )
        gone = [stem for stem in dict.fromkeys(stems) if stem in pairs]
        for stem in gone:  # the record first: a kill in between leaves files that no record names, which train reports
            sha256 = pairs[stem]["photo_sha256"]
            photo = self._records.get("photos", sha256)
            photo["pairs"].remove(stem)
            photo["rejected"].append([stem, CROSSED_OFF])
            self._records.write([("photos", sha256, photo)], gone=[("pairs", stem)])
            for folder in (PHOTO, ANIME):
                remove(self.folder / folder / f"{stem}.png")
        return len(gone)

    def rejections(self) -> Iterator[tuple[str, Rejection]]:
        """Yields (name of the photo, rejection) for every face and photo that gave no pair."""
        return _rejections(self._records)
