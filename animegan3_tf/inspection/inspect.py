"""Inspects the folders of a style before training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from animegan3_tf.common.console import Advance
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath, write_json
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, find_images
from animegan3_tf.data.manifest import missing_targets
from animegan3_tf.data.near_duplicates import is_flat
from animegan3_tf.data.shard_folder import is_shard_folder
from animegan3_tf.data.targets import Stage, style_targets, target_name
from animegan3_tf.inspection.survey import Survey, survey_folder
from animegan3_tf.styles import Style
from animegan3_tf.styles.style import DataSettings

MOST = 2  # bits by which hashes of one image may differ after resizing or compressing it again
_BITS, _BANDS = 64, MOST + 1  # if at most MOST bits differ, at least one of MOST + 1 bands is equal


def duplicate_groups(
    hashes: Sequence[int], most: int = MOST, digests: Mapping[int, str] | None = None
) -> list[list[int]]:
    """Groups images that look the same. Of nearly empty images, those with one digest are a group.

    Args:
        hashes: One `difference_hash` for each image.
        most: Bits by which two hashes of a group's chain may differ, at most `MOST`.
        digests: {index: SHA-256 of the file} of nearly empty images.

    Returns:
        Indices into `hashes`, in groups of two or more: each group ascending, the largest group first.

    Raises:
        ValueError: `most` is larger than `MOST`.
    """
    if most > MOST:
        raise ValueError(f"most is {most}; give at most {MOST}")
    alike: dict[int, list[int]] = defaultdict(list)
    for number, value in enumerate(hashes):
        if not is_flat(value):
            alike[value].append(number)
    values = np.array(list(alike), np.uint64)
    parents = list(range(len(values)))

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = i = parents[parents[i]]
        return i

    for i, j in _near(values, most):
        parents[root(j)] = root(i)
    groups: dict[int, list[int]] = defaultdict(list)
    for i, value in enumerate(alike):
        groups[root(i)] += alike[value]
    same: dict[str, list[int]] = defaultdict(list)
    for i, digest in (digests or {}).items():
        same[digest].append(i)
    found = [sorted(group) for group in (*groups.values(), *same.values()) if len(group) > 1]
    return sorted(found, key=lambda group: (-len(group), group))


def _near(values: np.ndarray, most: int) -> Iterator[tuple[int, int]]:
    """Pairs of indices whose values differ in at most `most` bits; only values that share a band are compared."""
    width = -(-_BITS // _BANDS)
    for band in range(_BANDS):
        keys = (values >> np.uint64(band * width)) & np.uint64((1 << width) - 1)
        order = np.argsort(keys, kind="stable")
        for places in np.split(order, np.flatnonzero(np.diff(keys[order])) + 1):
            for k in range(len(places) - 1):
                differing = np.bitwise_xor(values[places[k + 1 :]], values[places[k]])
                bits = np.unpackbits(differing[:, None].view(np.uint8), axis=1).sum(axis=1)
                for other in np.flatnonzero(bits <= most):
                    yield int(places[k]), int(places[k + 1 + other])


ENOUGH = 500  # images of a domain; the published styles were trained on more than a thousand
_ASPECT_SPREAD = 1.3  # ratio of the 95th to the 5th percentile
_DARKER = 25.0  # levels of 255 between the mean brightness of the domains
_CAST = 15.0  # levels of 255 by which a channel of the anime stands out from the mean of all three
_NAMED = 3  # images that a line names


def inspection_remarks(
    settings: DataSettings,
    surveys: dict[str, Survey],
    duplicates: dict[str, list[list[int]]],
    shared: Sequence[tuple[int, int]],
    missing: dict[str, int],
) -> list[str]:
    """Writes the warnings about a data set, one line each.

    Args:
        settings: The style's data settings.
        surveys: The folders, by "photos" and "anime".
        duplicates: See `Inspection`.
        shared: See `Inspection`.
        missing: See `Inspection`.
    """
    found: list[str] = []
    for kind, survey in surveys.items():
        found += _of_domain(kind, survey, duplicates[kind], settings)
    if all(survey.names for survey in surveys.values()):
        found += _of_both(surveys, shared, settings)
    if any(missing.values()):
        counts = ", ".join(f"{count:,} {name}" for name, count in missing.items() if count)
        found.append(f"targets to be made: {counts}; animegan3 prepare makes them")
    return found


def _of_domain(kind: str, survey: Survey, groups: Sequence[Sized], settings: DataSettings) -> Iterator[str]:
    count, size = len(survey.names), settings.image_size
    if survey.rejected:
        yield f"{kind}: {len(survey.rejected):,} of {survey.found:,} cannot be read and will be left out"
    if count < ENOUGH:
        yield f"{kind}: {count:,} pictures are few; {ENOUGH} or more keep the discriminator from learning them by heart"
    if not count:
        return
    low, high = np.percentile(survey.aspects, [5, 95])
    if high / low > _ASPECT_SPREAD:
        yield (
            f"{kind}: aspect ratios are mixed, {low:.2f} to {high:.2f} (width over height); crops show a part of wide "
            "ones and the whole of square ones"
        )
    small = np.flatnonzero(survey.short_sides < size)
    if len(small):
        yield f"{kind}: {_some(survey, small)} smaller than the {size}-pixel crops and will be enlarged, blurred"
    if survey.grey:
        yield f"{kind}: {_some(survey, survey.grey)} without colour; the colour loss would teach grey"
    if survey.barred:
        yield f"{kind}: {_some(survey, survey.barred)} letterboxed with dark bars; cut them off, or they will be learnt"
    if survey.blank:
        yield f"{kind}: {_some(survey, survey.blank)} blank, of one colour, as in the fades of a film; take them out"
    if survey.animated:
        yield f"{kind}: {_some(survey, survey.animated)} animated; the first frame counts"
    if groups:
        surplus = sum(len(group) - 1 for group in groups)
        yield f"{kind}: {surplus:,} of {count:,} can go, as they look like others; training sees those more often"


def _of_both(surveys: dict[str, Survey], shared: Sequence[tuple[int, int]], settings: DataSettings) -> Iterator[str]:
    photos, anime = (surveys[kind].colors.to_dict() for kind in ("photos", "anime"))
    difference = anime["brightness"] - photos["brightness"]
    if abs(difference) > _DARKER:
        darker, lighter = ("anime", "photos") if difference < 0 else ("photos", "anime")
        yield (
            f"{darker} are much darker than {lighter} (mean brightness {photos['brightness']:.0f} of the photos, "
            f"{anime['brightness']:.0f} of the anime, of 255); results will tend to the anime's"
        )
    cast = np.array(anime["mean"]) - np.mean(anime["mean"])
    if np.abs(cast).max() > _CAST and settings.balance == "none":
        channel = int(np.argmax(np.abs(cast)))
        yield (
            f"anime: {['red', 'green', 'blue'][channel]} stands out by {cast[channel]:+.0f} levels on average; "
            "--balance mean takes the cast out of the style"
        )
    if shared:
        names = [f"{surveys['photos'].names[i]} = {surveys['anime'].names[j]}" for i, j in shared[:_NAMED]]
        yield f"{len(shared):,} in both folders ({', '.join(names)}{_more(shared)}); a photo is no anime"


def _some(survey: Survey, numbers: Sequence[int] | np.ndarray) -> str:
    """`3 are (a.jpg, b.jpg, c.jpg)`."""
    names = ", ".join(survey.names[i] for i in numbers[:_NAMED])
    return f"{len(numbers):,} ({names}{_more(numbers)}) {'is' if len(numbers) == 1 else 'are'}"


def _more(items: Sized) -> str:
    return ", ..." if len(items) > _NAMED else ""


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

    def write_json(self, path: StrPath) -> None:
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
            "blank": [names[i] for i in survey.blank],
            "animated": [names[i] for i in survey.animated],
            "duplicates": [[names[i] for i in group] for group in self.duplicates[kind]],
        }


def inspect(
    style: Style,
    photos: StrPath,
    anime: StrPath,
    on_progress: Advance | None = None,
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

        def advance(done: float, _: int, name: str, before: int = before) -> None:
            if on_progress:
                on_progress(before + done, total, name)

        surveys[kind] = survey_folder(folder, advance, max_pixels)
        before += len(images[folder])
    duplicates = {kind: duplicate_groups(survey.hashes, digests=survey.digests) for kind, survey in surveys.items()}
    shared = _shared(*surveys.values())
    warnings = inspection_remarks(style.data, surveys, duplicates, shared, missing)
    return Inspection(style, surveys, duplicates, shared, stages, missing, warnings)


def _images(folder: Path) -> dict[str, Path]:
    """The images by relative name; `survey_folder` reports subfolders that cannot be listed."""
    return {path.relative_to(folder).as_posix(): path for path in find_images(folder, on_error=lambda *_: None)}


def _shared(photos: Survey, anime: Survey) -> list[tuple[int, int]]:
    """One pair from each group that has images of both folders."""
    count = len(photos.hashes)
    digests = {**photos.digests, **{count + i: digest for i, digest in anime.digests.items()}}
    groups = duplicate_groups([*photos.hashes, *anime.hashes], digests=digests)
    return [
        (group[0], next(i for i in group if i >= count) - count) for group in groups if group[0] < count <= group[-1]
    ]


def _range(values: Sequence[float] | np.ndarray) -> list[float] | None:
    """The least, the median and the greatest value; None without values."""
    return [round(float(value), 3) for value in np.percentile(values, [0, 50, 100])] if len(values) else None
