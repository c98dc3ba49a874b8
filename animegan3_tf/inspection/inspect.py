"""Inspects a data set as training will see it: both folders, the images they share, and warnings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.data.ledger import missing_targets
from animegan3_tf.data.shard_folder import is_shard_folder
from animegan3_tf.data.targets import Stage, style_targets, target_name
from animegan3_tf.errors import UserError
from animegan3_tf.files import write_json
from animegan3_tf.images import DEFAULT_MAX_PIXELS, find_images, quote
from animegan3_tf.inspection.duplicates import duplicate_groups
from animegan3_tf.inspection.remarks import remarks
from animegan3_tf.inspection.survey import Survey, survey_folder
from animegan3_tf.styles import Style


@dataclass(frozen=True)
class Inspection:
    """The findings about a data set.

    Attributes:
        style: The style that the data set is for.
        surveys: The folders, by "photos" and "anime".
        duplicates: Groups of images that look the same, by "photos" and "anime"; indices into the survey's names.
        shared: Images that are in both folders, as (index in the photos, index in the anime).
        stages: The kinds of targets; see `style_targets`.
        missing: The number of targets that are still to be made, by the stage's name.
        warnings: One line each.
    """

    style: Style
    surveys: dict[str, Survey]
    duplicates: dict[str, list[list[int]]]
    shared: list[tuple[int, int]]
    stages: list[Stage]
    missing: dict[str, int]
    warnings: list[str]

    def to_dict(self) -> dict:
        """Plain values for JSON; images stand in it by name."""
        return {
            "style": self.style.name,
            "warnings": self.warnings,
            "missing_targets": self.missing,
            "in_both_folders": [
                [self.surveys[kind].names[i] for kind, i in zip(("photos", "anime"), pair)] for pair in self.shared
            ],
            **{kind: self._domain(kind) for kind in self.surveys},
        }

    def write_json(self, path: str | os.PathLike) -> None:
        """Writes `to_dict` to a file.

        Raises:
            UserError: The file cannot be written.
        """
        try:
            write_json(path, self.to_dict())
        except OSError as error:
            raise UserError(f"{quote(path)} cannot be written ({error.strerror}); name another with --json") from None

    def _domain(self, kind: str) -> dict:
        survey = self.surveys[kind]
        names, shares = survey.names, survey.colors.histograms
        return {
            "folder": str(survey.folder),
            "found": survey.found,
            "readable": len(names),
            "bytes": survey.bytes,
            "formats": dict(survey.formats),
            "modes": dict(survey.modes),
            "rejected": survey.rejected,
            "width": _range(survey.widths),
            "height": _range(survey.heights),
            "short_side": _range(survey.short_sides),
            "aspect": _range(survey.aspects),
            "colors": survey.colors.to_dict(),
            "histograms": {
                channel: [round(float(share), 6) for share in row]
                for channel, row in zip(("red", "green", "blue", "brightness"), shares)
            },
            "grey": [names[i] for i in survey.grey],
            "letterboxed": [names[i] for i in survey.barred],
            "animated": [names[i] for i in survey.animated],
            "duplicates": [[names[i] for i in group] for group in self.duplicates[kind]],
        }


def inspect(
    style: Style,
    photos: str | os.PathLike,
    anime: str | os.PathLike,
    on_progress: Callable[[int, int, str], None] | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
) -> Inspection:
    """Reads every image of both folders at a reduced size. Writes nothing.

    Args:
        style: The style that the data set is for.
        photos: The folder of photos.
        anime: The folder of anime images.
        on_progress: Called with (images done, all images, name) after each image.
        max_pixels: Larger images count as unreadable.

    Returns:
        The findings. Images that cannot be read are part of them.

    Raises:
        UserError: A folder is missing, has no images or holds shards, or its manifest cannot be read.
    """
    folders = {"photos": Path(photos), "anime": Path(anime)}
    for kind, folder in folders.items():
        if is_shard_folder(folder):
            raise UserError(f"folder {quote(folder)} holds shards; name the pictures they were made of with --{kind}")
    images = {folder: _images(folder) for folder in folders.values()}
    total = sum(len(images[folder]) for folder in folders.values())
    for kind, folder in folders.items():
        if not images[folder]:
            raise UserError(f"folder {quote(folder)} holds no pictures; name another with --{kind}")
    stages = style_targets(style, photos, anime)
    missing = {stage.name: missing_targets(stage, images[stage.source], target_name) for stage in stages}
    surveys, before = {}, 0
    for kind, folder in folders.items():

        def advance(done: int, _: int, name: str, before: int = before) -> None:
            if on_progress:
                on_progress(before + done, total, name)

        surveys[kind] = survey_folder(folder, advance, max_pixels)
        before += len(images[folder])
    duplicates = {kind: duplicate_groups(survey.hashes) for kind, survey in surveys.items()}
    shared = _shared(*surveys.values())
    warnings = remarks(style.data, surveys, duplicates, shared, missing)
    return Inspection(style, surveys, duplicates, shared, stages, missing, warnings)


def _images(folder: Path) -> dict[str, Path]:
    """The images by relative name; `survey_folder` reports subfolders that cannot be listed."""
    return {
        path.relative_to(folder).as_posix(): path for path in find_images(folder, on_error=lambda folder, error: None)
    }


def _shared(photos: Survey, anime: Survey) -> list[tuple[int, int]]:
    """One pair from each group that has images of both folders."""
    count = len(photos.hashes)
    pairs = []
    for group in duplicate_groups([*photos.hashes, *anime.hashes]):
        first, others = group[0], [i for i in group if i >= count]
        if first < count and others:
            pairs.append((first, others[0] - count))
    return pairs


def _range(values: Sequence[float] | np.ndarray) -> list[float] | None:
    """The least, the median and the greatest value; None without values."""
    if not len(values):
        return None
    return [round(float(value), 3) for value in np.percentile(values, [0, 50, 100])]
