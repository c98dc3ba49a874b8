"""Warnings about a data set: what will matter in training, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import TYPE_CHECKING

import numpy as np

from animegan3_tf.styles.style import DataSettings

if TYPE_CHECKING:
    from animegan3_tf.inspection.survey import Survey

ENOUGH = 500  # images of a domain; the published styles were trained on more than a thousand
_ASPECT_SPREAD = 1.3  # ratio of the 95th to the 5th percentile
_DARKER = 25.0  # levels of 255 between the mean brightness of the domains
_CAST = 15.0  # levels of 255 by which a channel of the anime stands out from the mean of all three
_NAMED = 3  # images that a line names


def remarks(
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
