"""What a photo's file says of it beside the pixels: EXIF (date, camera, place) and resolution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

# Of a TIFF's first directory most tags describe how its pixels are stored; these speak of the photo.
_KEPT = (
    *(ExifTags.Base.ImageDescription, ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Software),
    *(ExifTags.Base.XResolution, ExifTags.Base.YResolution, ExifTags.Base.ResolutionUnit, ExifTags.Base.DateTime),
    *(ExifTags.Base.Artist, ExifTags.Base.HostComputer, ExifTags.Base.Copyright, ExifTags.Base.Rating),
    *(ExifTags.Base.RatingPercent, ExifTags.Base.XPTitle, ExifTags.Base.XPComment, ExifTags.Base.XPAuthor),
    *(ExifTags.Base.XPKeywords, ExifTags.Base.XPSubject),
)
# Size and colour space of the photo's pixels, which are not the result's, and the camera's own note: it may hold a
# preview of the photo, and breaks when it is moved.
_DROPPED = (
    *(ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight, ExifTags.Base.ColorSpace),
    *(ExifTags.IFD.Interop, ExifTags.IFD.MakerNote),
)
_MOST_BYTES = 65_000  # a JPEG holds 65,533
_MOST_DPI = 65_535  # what a JPEG holds


@dataclass(frozen=True)
class Metadata:
    """Facts of a photo that its drawing keeps.

    Attributes:
        exif: A block of EXIF, upright and without thumbnail, as Pillow writes it; None where the file has none.
        dpi: Pixels an inch, (across, down), or None.
    """

    exif: bytes | None = None
    dpi: tuple[float, float] | None = None


NO_METADATA = Metadata()


def metadata_of(image: Image.Image) -> Metadata:
    """Reads the metadata of an opened image; broken EXIF counts as none."""
    return Metadata(_exif(image), _dpi(image.info.get("dpi")))


def _exif(image: Image.Image) -> bytes | None:
    try:
        found, kept = image.getexif(), Image.Exif()
        kept.update((tag, found[tag]) for tag in _KEPT if tag in found)
        for folder in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
            if values := {tag: value for tag, value in found.get_ifd(folder).items() if tag not in _DROPPED}:
                kept[folder] = values
        if not kept:
            return None
        kept[ExifTags.Base.Orientation] = 1
        content = kept.tobytes()
        return content if len(content) <= _MOST_BYTES else None
    except Exception:  # broken EXIF raises nearly anything
        return None


def _dpi(found: Any) -> tuple[float, float] | None:
    try:
        across, down = map(float, found)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sound = all(math.isfinite(value) and 1 <= value <= _MOST_DPI for value in (across, down))
    return (across, down) if sound else None
