"""Gives a drawing the colours of its photo, region by region: lines stay the drawing's, skin becomes the person's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from skimage.segmentation import felzenszwalb

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.face_align import eye_distance

KEEP_COLORS = ("region", "none")
LIGHTNESS = 0.45  # share of the photo's lightness that a region takes; all of it gives a dull drawing
SKIN_LIGHTNESS = 0.65  # the same for a face's skin: with less, every skin turns pale
INK = 32.0  # Lab lightness under which a pixel of the drawing is a line, whose colour stays
_BLACK, _WHITE_PHOTO = (12.0, 2.0), (90.0, 98.0)  # lightness of a photo from which, and at which, all of it is taken
_COLORLESS = 2.0  # most Lab chroma of a photo without colour
_INK_RAMP = 10.0  # units above INK over which a line passes into its surroundings
_RADIUS, _EPS = 5, 6e-4  # of the guided filter, along lightness in [0, 1], for a drawing of 512 pixels
_SIDE = 512  # longer side in pixels of the drawings for which the sizes here are given
_LOCAL = 0.3  # share of the photo's own variation of colour within a region: lips, cheeks
_SKIN_NEAR, _BESIDE_EYES_NEAR = 10.0, 7.0  # Lab units from the skin's colour
_SKIN_SHARE = 0.65  # of the skin's shift that regions of nearly the skin's colour take; the rest is their own
_WHITE, _WHITE_CHROMA = 84.0, 9.0  # least lightness and most chroma of a pixel that is clearly white
_WHITER = 3.0  # units by which white has less chroma than the skin, and may at most be darker
_COLDER, _DARKER = 5.0, 30.0  # units of b and of lightness that set an eye apart from skin in shade


def color_keeper(name: str) -> Callable[..., np.ndarray] | None:
    """Finds the function that gives a drawing the photo's colours.

    Args:
        name: One of `KEEP_COLORS`.

    Returns:
        `keep_region_colors`, or None for "none".

    Raises:
        UserError: There is no such name.
    """
    if name not in KEEP_COLORS:
        raise UserError(f"keep_colors is {name!r}; choose {' or '.join(KEEP_COLORS)}")
    return keep_region_colors if name == "region" else None


def keep_region_colors(
    photo: np.ndarray,
    drawing: np.ndarray,
    landmarks: Sequence[Sequence[float]] | None = None,
    lightness: float = LIGHTNESS,
    skin_lightness: float = SKIN_LIGHTNESS,
) -> np.ndarray:
    """Moves each region of a drawing to the mean colour that the photo has there (DESIGN: pairs, colours by region).

    Regions are those of a graph-based segmentation (Felzenszwalb and Huttenlocher, 2004) of the drawing. A
    region moves by its whole shift in a and b of CIE Lab, and by the share `lightness` of its shift in L, skin by the
    share `skin_lightness`; where the photo is white or black, by all of it. A guided filter (He et al., 2010) along the
    drawing's lightness smooths the shifts. Lines keep their colour, but where the photo is black. In a face the skin
    moves as one, and the irises, whites and highlights of the eyes stay as drawn. Of a photo without colour nothing
    has colour.

    Args:
        photo: uint8 [H, W, 3].
        drawing: uint8 [H, W, 3], of the same size.
        landmarks: (x, y) of left eye, right eye, nose, left and right mouth corner in pixels, where the photo shows an
            upright face; None for any other photo.
        lightness: Share of the photo's lightness, 0 to 1.
        skin_lightness: The same for the skin of the face.

    Returns:
        uint8 [H, W, 3].

    Raises:
        ValueError: Photo and drawing differ in size.
    """
    if photo.shape != drawing.shape:
        raise ValueError(f"photo {photo.shape} and drawing {drawing.shape} differ in size")
    scale = max(drawing.shape[:2]) / _SIDE
    lab, photo_lab = _lab(drawing), _lab(_smoothed(photo))
    labels = felzenszwalb(_smoothed(drawing), scale=120, sigma=0.6, min_size=max(8, round(120 * scale * scale)))
    regions = _regions(labels, lab, photo_lab)
    shifts = regions.photo - regions.drawing
    shares = np.full(len(shifts), lightness)
    frozen = np.zeros(drawing.shape[:2], bool)
    near_eyes = np.zeros(drawing.shape[:2], np.float32)
    if landmarks is not None:
        face = _FaceRegions(landmarks, labels, regions)
        shares[face.share_skin_shift(shifts)] = skin_lightness
        frozen |= face.eye_regions()[labels] | face.whites(lab)
        near_eyes = face.eyes(1.0).astype(np.float32)
    shifts[:, 0] *= np.maximum(shares, _ramp(regions.photo[:, 0], _WHITE_PHOTO))
    shift = shifts[labels].astype(np.float32)
    guide = lab[..., 0] / 100.0
    radius = max(1, round(_RADIUS * scale))
    # pixels that keep their colour must not pull their surroundings towards no shift: they take their neighbours' shift
    shift = _filled(shift, frozen, radius)
    local = (photo_lab[..., 1:] - regions.photo[labels][..., 1:]).astype(np.float32)
    local = _guided(local, guide, radius) * (1.0 - cv2.blur(near_eyes, (2 * radius + 1,) * 2))[..., None]
    shift = _guided(shift, guide, radius)
    shift[..., 1:] += _LOCAL * local
    kept = cv2.blur(frozen.astype(np.float32), (3, 3))
    moves = _ramp(lab[..., 0], (INK, INK + _INK_RAMP)) * (1.0 - kept)
    found = lab + shift * moves[..., None]
    # all of a black region is taken for lines, so black comes from the photo, pixel by pixel
    black = _guided(_ramp(photo_lab[..., :1], _BLACK), guide, radius).clip(0.0, 1.0) * (1.0 - kept)[..., None]
    found += black * (photo_lab - found)
    if np.hypot(photo_lab[..., 1], photo_lab[..., 2]).max() <= _COLORLESS:
        found[..., 1:] = 0.0
    return _rgb(found)


@dataclass(frozen=True)
class _Regions:
    """The regions of a drawing.

    Attributes:
        pixels: Number of pixels, int [regions].
        centers: Mean (x, y) of the pixels, float64 [regions, 2].
        drawing: Mean Lab of the drawing, without lines, float64 [regions, 3].
        photo: Mean Lab of the photo at the same pixels, float64 [regions, 3].
    """

    pixels: np.ndarray
    centers: np.ndarray
    drawing: np.ndarray
    photo: np.ndarray


def _regions(labels: np.ndarray, lab: np.ndarray, photo_lab: np.ndarray) -> _Regions:
    flat, count = labels.ravel(), int(labels.max()) + 1
    pixels = np.bincount(flat, minlength=count)
    # a region that consists of lines alone must not have weight 0
    weight = np.where(lab[..., 0].ravel() > INK + _INK_RAMP, 1.0, 1e-3)
    total = np.bincount(flat, weight, count)

    def means(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(flat, weight * channel.ravel(), count) / total for channel in values], axis=-1)

    rows, columns = np.indices(labels.shape)
    centers = np.stack([np.bincount(flat, axis.ravel(), count) / pixels for axis in (columns, rows)], axis=-1) + 0.5
    return _Regions(pixels, centers, means(np.moveaxis(lab, -1, 0)), means(np.moveaxis(photo_lab, -1, 0)))


class _FaceRegions:
    """Finds the regions of a drawing that are skin, and those that belong to the eyes."""

    def __init__(self, landmarks: Sequence[Sequence[float]], labels: np.ndarray, regions: _Regions) -> None:
        self.points = np.asarray(landmarks, float)[:5]
        self.distance = eye_distance(landmarks)
        self.labels, self.regions = labels, regions
        self.middle = self.points[:2].mean(axis=0)
        self._rows, self._columns = np.indices(labels.shape) + 0.5
        self.skin = self._skin()
        self._from_skin = np.linalg.norm(regions.drawing - regions.drawing[self.skin], axis=1)

    def eyes(self, factor: float) -> np.ndarray:
        """Returns the pixels of both eyes, bool [H, W]: half axes of 0.45 and 0.30 eye distances, times `factor`."""
        return self._within(self._columns, self._rows, factor)

    def eye_regions(self) -> np.ndarray:
        """Returns the regions that are irises and whites, bool [regions]: small, in an eye, not skin nor its shade."""
        small = self.regions.pixels < 0.3 * self.distance**2
        light, _, yellow = self.regions.drawing.T
        skin_light, _, skin_yellow = self.regions.drawing[self.skin]
        # a lid in shade is darker than the skin, but as warm
        cold = (yellow < skin_yellow - _COLDER) | (light < skin_light - _DARKER)
        return small & self._in_eyes(1.0) & (self._from_skin > _BESIDE_EYES_NEAR) & cold

    def whites(self, lab: np.ndarray) -> np.ndarray:
        """Returns the pixels in the eyes that are clearly white, bool [H, W]; pale or shining lids are not."""
        light, chroma = lab[..., 0], np.hypot(lab[..., 1], lab[..., 2])
        skin_light, *skin_color = self.regions.drawing[self.skin]
        least = max(_WHITE, skin_light - _WHITER)
        return self.eyes(0.72) & (light >= least) & (chroma <= min(_WHITE_CHROMA, np.hypot(*skin_color) - _WHITER))

    def share_skin_shift(self, shifts: np.ndarray) -> np.ndarray:
        """Gives all of the face's skin the same shift.

        Args:
            shifts: Lab shift of each region, float64 [regions, 3]; changed in place.

        Returns:
            The regions that look like skin, neck and ears included, bool [regions].
        """
        middle = self.middle + np.array([0.0, 0.45 * self.distance])
        x, y = (self.regions.centers - middle).T / self.distance
        nearly = ((x / 1.35) ** 2 + (y / 1.75) ** 2 <= 1.0) & (self._from_skin <= _SKIN_NEAR)
        shifts[nearly] = _SKIN_SHARE * shifts[self.skin] + (1.0 - _SKIN_SHARE) * shifts[nearly]
        beside = self._in_eyes(1.8) & (self._from_skin <= _BESIDE_EYES_NEAR)
        small = self.regions.pixels < 0.3 * self.distance**2
        lids = small & self._in_eyes(1.3) & ~self.eye_regions() & (self.regions.drawing[:, 0] > INK + _INK_RAMP)
        shifts[beside | lids] = shifts[self.skin]
        return (self._from_skin <= _SKIN_NEAR) | lids

    def _skin(self) -> int:
        """Finds the largest region between eyes and mouth, or the one nearest to the eyes where that is outside."""
        left, right = sorted((self.points[0, 0], self.points[1, 0]))
        top, bottom = self.middle[1] + 0.15 * self.distance, self.points[3:5, 1].mean()
        inside = self.labels[max(0, round(top)) : max(0, round(bottom)), max(0, round(left)) : max(0, round(right))]
        if inside.size:
            return int(np.bincount(inside.ravel()).argmax())
        return int(np.linalg.norm(self.regions.centers - self.middle, axis=1).argmin())

    def _in_eyes(self, factor: float) -> np.ndarray:
        return self._within(self.regions.centers[:, 0], self.regions.centers[:, 1], factor)

    def _within(self, x: np.ndarray, y: np.ndarray, factor: float) -> np.ndarray:
        a, b = (factor * axis * self.distance for axis in (0.45, 0.30))
        return np.any([((x - eye[0]) / a) ** 2 + ((y - eye[1]) / b) ** 2 <= 1.0 for eye in self.points[:2]], axis=0)


def _ramp(values: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """0 up to (or from) the first of `ends`, 1 from (or up to) the second, and straight between them."""
    return np.clip((values - ends[0]) / (ends[1] - ends[0]), 0.0, 1.0)


def _smoothed(rgb: np.ndarray) -> np.ndarray:
    return cv2.bilateralFilter(rgb, 7, 30, 5)


def _lab(rgb: np.ndarray) -> np.ndarray:
    """Converts to CIE Lab under D65, float32, L in 0..100."""
    return cv2.cvtColor(rgb.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)


def _rgb(lab: np.ndarray) -> np.ndarray:
    lab = lab.astype(np.float32)
    lab[..., 0] = lab[..., 0].clip(0.0, 100.0)
    return np.rint(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB).clip(0.0, 1.0) * 255.0).astype(np.uint8)


def _filled(values: np.ndarray, missing: np.ndarray, radius: int) -> np.ndarray:
    """Replaces the values [H, W, C] of `missing` pixels by the mean of their surroundings."""
    if not missing.any():
        return values
    size, known = (8 * radius + 1,) * 2, (~missing).astype(np.float32)
    share = cv2.blur(known, size)[..., None]
    around = cv2.blur(values * known[..., None], size) / np.maximum(share, 1e-6)
    return np.where(missing[..., None] & (share > 1e-6), around, values)


def _guided(values: np.ndarray, guide: np.ndarray, radius: int) -> np.ndarray:
    """Applies the guided filter of He et al. (2010) to values [H, W, C] along a guide [H, W] in [0, 1]."""
    size = (2 * radius + 1,) * 2

    def mean(x: np.ndarray) -> np.ndarray:
        return cv2.blur(x, size).reshape(*x.shape[:2], -1)

    center = mean(guide)
    variance = mean(guide * guide) - center * center
    slope = (mean(guide[..., None] * values) - center * mean(values)) / (variance + _EPS)
    offset = mean(values) - slope * center
    return mean(slope) * guide[..., None] + mean(offset)
