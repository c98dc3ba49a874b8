"""A folder of TFRecord shards: what lies in it, and when it is whole.

`pictures-00003-of-00016.tfrecord` holds records, `pictures-00003-of-00016.json` what it was made from and where each of
them begins, `shards.json` the whole folder. That one is written last: a folder without it is not finished.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from animegan3_tf.errors import UserError
from animegan3_tf.files import write_json
from animegan3_tf.images import find_images, quote

SUMMARY = "shards.json"
NAME, SHA256, PICTURE = "name", "sha256", "picture"  # features of a record; the others are targets
_FORMAT = 1
_SHARD = re.compile(r"pictures-\d{5,}-of-\d{5,}\.(tfrecord|json)")


def shard_path(folder: Path, number: int, total: int) -> Path:
    """Where the shard of that number lies, of `total` ones."""
    return Path(folder, f"pictures-{number:05d}-of-{total:05d}.tfrecord")


def is_shard_folder(folder) -> bool:
    """Whether a folder holds shards, finished or not."""
    return Path(folder, SUMMARY).is_file() or bool(shard_files(folder))


def shard_files(folder) -> list[Path]:
    """The shards in a folder and their books."""
    return sorted(path for path in Path(folder).glob("pictures-*") if _SHARD.fullmatch(path.name))


def count_pictures(folder) -> int:
    """How many pictures a folder of files or of shards holds, without reading one."""
    return len(ShardIndex(folder)) if is_shard_folder(folder) else len(find_images(folder))


def write_summary(folder: Path, shards: int, count: int, about: dict) -> None:
    """Declares a folder whole. about: whatever else is worth knowing, `stages` {name: parameters} among it."""
    write_json(folder / SUMMARY, {"format": _FORMAT, "shards": shards, "pictures": count, **about})


def shard_stages(folder) -> dict[str, dict]:
    """{name: parameters} of what each record of a finished folder holds."""
    return _summary(Path(folder))["stages"]


class ShardIndex:
    """Where each record of a finished shard folder begins; 8 bytes a record.

    stages: {name: parameters} of what each record holds. Raises `UserError` where the folder is not whole.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        summary = _summary(self.folder)
        self.stages = summary["stages"]
        self.paths = [shard_path(self.folder, number, summary["shards"]) for number in range(summary["shards"])]
        offsets = [np.array(self._offsets(path), np.int64) for path in self.paths]
        self._offsets_of_all = np.concatenate(offsets)
        self._ends = np.cumsum([len(part) for part in offsets])
        if len(self) != summary["pictures"]:
            raise _not_whole(self.folder, f"{len(self):,} of {summary['pictures']:,} records")

    def __len__(self):
        return len(self._offsets_of_all)

    def place(self, index: int) -> tuple[Path, int]:
        """The shard of a record and the byte it begins at."""
        shard = int(np.searchsorted(self._ends, index, side="right"))
        return self.paths[shard], int(self._offsets_of_all[index])

    def name(self, index: int) -> str:
        """The picture's name, read from the shard's book: names are not kept in memory."""
        shard = int(np.searchsorted(self._ends, index, side="right"))
        first = self._ends[shard - 1] if shard else 0
        return read_json(self.paths[shard].with_suffix(".json"), self.folder)["names"][index - first]

    def _offsets(self, path: Path) -> list[int]:
        book = read_json(path.with_suffix(".json"), self.folder)
        try:
            found = path.stat().st_size
        except OSError:
            raise _not_whole(self.folder, f"{path.name} is missing") from None
        if found != book["bytes"]:
            raise _not_whole(self.folder, f"{path.name} has {found:,} of {book['bytes']:,} bytes")
        return book["offsets"]


def read_json(path: Path, folder: Path) -> dict:
    """A JSON object of a shard folder; a `UserError` says that the folder is not whole where there is none."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it holds no object")
        return values
    except FileNotFoundError:
        raise _not_whole(folder, f"{path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise _not_whole(folder, f"{path.name} cannot be read: {error}") from None


def _summary(folder: Path) -> dict:
    summary = read_json(folder / SUMMARY, folder)
    if summary.get("format") != _FORMAT:
        raise UserError(f"{quote(folder)} is of another version; make it anew with animegan3 prepare --shards")
    return summary


def _not_whole(folder: Path, why: str) -> UserError:
    return UserError(
        f"the shards in {quote(folder)} are not whole ({why}); run the same animegan3 prepare --shards again"
    )
