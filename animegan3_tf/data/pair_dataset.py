"""Photos and their drawings in a folder, made by `animegan3 pairs` or elsewhere, and the batches of a run on them."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import StrPath
from animegan3_tf.common.images import (
    DEFAULT_MAX_PIXELS,
    ImageError,
    image_size,
    images_by_stem,
    read_image,
    resize,
    short_side_size,
)
from animegan3_tf.data.dataset import ImageStore
from animegan3_tf.data.manifest import MANIFEST
from animegan3_tf.data.pairs import ANIME, PHOTO
from animegan3_tf.styles.style import BatchSettings, PairSettings

LEAST_SIDE = 64
_NAMED = 3  # how many of many an error names


@dataclass(frozen=True)
class Pair:
    """The files of a pair.

    Attributes:
        stem: Its name.
        photo: The photo's file.
        drawing: The drawing's file; None where the drawing is the right half of the photo's file.
        landmarks: The face's five points, float64 [5, 2] of (x, y) in pixels; None where they are not known.
    """

    stem: str
    photo: Path
    drawing: Path | None
    landmarks: np.ndarray | None = field(default=None, compare=False)


class PairImages:
    """Pairs by number, as `Images` whose targets are the drawings; `open_pairs` makes them.

    Attributes:
        folder: The folder that the user named.
        pairs: The pairs, sorted by name within each folder.
        has_targets: True: `load` gives six channels.
    """

    has_targets = True

    def __init__(
        self,
        folder: StrPath,
        pairs: Iterable[Pair],
        max_pixels: int = DEFAULT_MAX_PIXELS,
        most: int | None = None,
        eyes: bool = False,
    ) -> None:
        """Takes pairs that are known to fit.

        Args:
            folder: The folder that the user named.
            pairs: The pairs.
            max_pixels: Files with more pixels are refused.
            most: The short side that larger pairs are reduced to, to save memory; None leaves them.
            eyes: Whether `load` marks the eyes.
        """
        self.folder, self.pairs, self._eyes = Path(folder), list(pairs), eyes
        self._max_pixels, self._most = max_pixels, most

    def __len__(self) -> int:
        return len(self.pairs)

    def part(self, numbers: Sequence[int], eyes: bool = False) -> PairImages:
        """Returns some of the pairs, in the order of the numbers given; `eyes` as when made."""
        pairs = [self.pairs[number] for number in numbers]
        return PairImages(self.folder, pairs, self._max_pixels, self._most, eyes)

    def load(self, number: int) -> np.ndarray:
        """Reads a pair.

        Args:
            number: From 0.

        Returns:
            uint8 [H, W, 6]: the photo, and behind it the drawing; with `eyes` a seventh channel, 255 about the eyes.

        Raises:
            ImageError: A file cannot be read, or photo and drawing differ in size.
        """
        pair = self.pairs[number]
        photo = read_image(pair.photo, self._max_pixels).on_white()
        if pair.drawing is None:
            middle = photo.shape[1] // 2
            photo, drawing = photo[:, :middle], photo[:, middle : 2 * middle]
        else:
            drawing = read_image(pair.drawing, self._max_pixels).on_white()
        if photo.shape != drawing.shape:
            raise ImageError(f"photo {quote(pair.photo)} and its drawing differ in size; make them alike")
        if self._most is not None and min(photo.shape[:2]) > self._most:
            size = short_side_size(photo.shape, self._most)
            photo, drawing = resize(photo, size), resize(drawing, size)
        eyes = [_eye_mask(photo.shape[:2], self.landmarks(number))] if self._eyes else []
        return np.concatenate([photo, drawing, *eyes], axis=-1)

    def landmarks(self, number: int) -> np.ndarray | None:
        """Returns the face's five points: left eye as the viewer sees it, right eye, nose, left and right mouth corner.

        Args:
            number: From 0.

        Returns:
            float64 [5, 2] of (x, y), as fractions of the pair's short side; None where the manifest has none.
        """
        points = self.pairs[number].landmarks
        return None if points is None else points / min(_size(self.pairs[number], self._max_pixels))


def open_pairs(
    folder: StrPath, drawings: StrPath | None = None, max_pixels: int = DEFAULT_MAX_PIXELS, most: int | None = None
) -> PairImages:
    """Finds the pairs in a folder, or in a folder of photos and one of drawings.

    Args:
        folder: With `drawings`, the photos. Without, a folder that holds photo/ and anime/ with images of the same
            names, and manifest.json where `animegan3 pairs` made it; or images twice as wide as high, the photo on the
            left.
        drawings: The folder of the drawings, whose names without suffix are those of the photos.
        max_pixels: Images with more are refused.
        most: The short side that larger pairs are reduced to when they are loaded.

    Returns:
        The pairs. Their sizes are checked by their headers; their pixels were not read yet.

    Raises:
        UserError: There are no pairs, a photo or drawing has no partner, the sizes in a pair differ, an image is under
            64 pixels, or the manifest cannot be read.
    """
    folder = Path(folder)
    if drawings is None and not folder.is_dir():
        raise UserError(f"pairs are missing: {quote(folder)} is not a folder; make them with animegan3 pairs")
    if drawings is not None:
        pairs = _partners(folder, Path(drawings))
    elif (folder / PHOTO).is_dir() or (folder / ANIME).is_dir():
        for name in (PHOTO, ANIME):
            if not (folder / name).is_dir():
                raise UserError(f"{quote(folder)} has no folder {name}/; pairs are photo/NAME and anime/NAME")
        points = _read_landmarks(folder / MANIFEST)
        pairs = [replace(pair, landmarks=points.get(pair.stem)) for pair in _partners(folder / PHOTO, folder / ANIME)]
    else:
        pairs = [Pair(stem, path, None) for stem, path in _by_stem(folder).items()]
        if not pairs:
            raise UserError(
                f"{quote(folder)} holds no pairs; it must hold photo/ and anime/ with pictures of the same names, or "
                "pictures twice as wide as high, the photo on the left"
            )
    _check_sizes(folder, pairs, max_pixels)
    return PairImages(folder, pairs, max_pixels, most)


def open_pair_folders(
    folders: Sequence[StrPath], max_pixels: int = DEFAULT_MAX_PIXELS, most: int | None = None
) -> PairImages:
    """Finds the pairs of several folders, which `open_pairs` takes one by one.

    Args:
        folders: At least one; two may hold pairs of the same name.
        max_pixels: See `open_pairs`.
        most: See `open_pairs`.

    Returns:
        All pairs, folder by folder.

    Raises:
        UserError: See `open_pairs`; or a folder is named twice.
    """
    seen: set[Path] = set()
    for folder in folders:
        if (real := Path(folder).resolve()) in seen:
            raise UserError(f"folder {quote(folder)} of pairs is named twice; name each once")
        seen.add(real)
    parts = [open_pairs(folder, max_pixels=max_pixels, most=most) for folder in folders]
    pairs = [pair for part in parts for pair in part.pairs]
    return PairImages(parts[0].folder, pairs, max_pixels, most)


def held_out_numbers(stems: Sequence[str], share: float) -> list[int]:
    """Chooses the pairs that are kept for validation: those whose name hashes low, whatever else is in the folder.

    Args:
        stems: The pairs' names.
        share: About how many of the pairs, in [0, 1].

    Returns:
        Numbers into `stems`, lowest hash first, at least one. When a folder grows, the pairs that were held out stay
        so, except the single one of a small folder.

    Raises:
        UserError: There are fewer than two pairs, so none would be left to train on.
    """
    if len(stems) < 2:
        raise UserError(f"{len(stems)} pair is too few: one is held out for validation; give at least 2")
    places = [_hash(stem) for stem in stems]
    order = sorted(range(len(stems)), key=lambda number: (places[number], stems[number]))
    return [number for number in order if places[number] < share][: len(stems) - 1] or order[:1]


def _hash(stem: str) -> float:
    """Returns a number in [0, 1) that depends on the name alone."""
    return int.from_bytes(hashlib.sha256(stem.encode("utf-8", "surrogateescape")).digest()[:8], "big") / 2.0**64


def _by_stem(folder: Path) -> dict[str, Path]:
    return images_by_stem(
        folder, lambda _, first, second: f"{quote(first)} and {quote(second)} have the same name; remove one"
    )


def _partners(photos: Path, drawings: Path) -> list[Pair]:
    photos_by, drawings_by = _by_stem(photos), _by_stem(drawings)
    alone, together = sorted(photos_by.keys() ^ drawings_by.keys()), photos_by.keys() | drawings_by.keys()
    if not photos_by.keys() & drawings_by.keys():
        raise UserError(
            f"{quote(photos)} and {quote(drawings)} hold no pairs: {len(photos_by):,} and {len(drawings_by):,} "
            "pictures, none with the same name"
        )
    if alone:
        raise UserError(
            f"{len(alone):,} of {len(together):,} names are in only one of {quote(photos)} and {quote(drawings)}: "
            f"{_some(alone)}; add their partners, or remove them"
        )
    return [Pair(stem, path, drawings_by[stem]) for stem, path in photos_by.items()]


def _size(pair: Pair, max_pixels: int) -> tuple[int, int]:
    """Reads (height, width) of a pair's photo, or of its half of the file, from the header."""
    height, width = image_size(pair.photo, max_pixels)
    return (height, width // 2) if pair.drawing is None else (height, width)


def _check_sizes(folder: Path, pairs: list[Pair], max_pixels: int) -> None:
    unequal: list[str] = []
    small: list[str] = []
    wide: list[str] = []
    for pair in pairs:
        try:
            height, width = image_size(pair.photo, max_pixels)
            other = (height, width) if pair.drawing is None else image_size(pair.drawing, max_pixels)
        except ImageError:
            continue  # loading it gives a warning
        if pair.drawing is None:
            width //= 2
            if width != height:
                wide.append(f"{pair.stem} ({2 * width}x{height})")
        elif other != (height, width):
            unequal.append(f"{pair.stem} ({width}x{height}, {other[1]}x{other[0]})")
        if min(height, width) < LEAST_SIDE:
            small.append(f"{pair.stem} ({width}x{height})")
    for names, problem, remedy in (
        (wide, "are not twice as wide as high", "put photo and drawing side by side, or into photo/ and anime/"),
        (unequal, "have a drawing not as large as its photo", "make each drawing as large as its photo"),
        (small, f"are under {LEAST_SIDE} pixels a side", "give larger ones"),
    ):
        if names:
            raise UserError(
                f"{len(names):,} of {len(pairs):,} pairs in {quote(folder)} {problem}: {_some(names)}; {remedy}"
            )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _read_landmarks(path: Path) -> dict[str, np.ndarray]:
    """Reads {stem: float64 [5, 2]} from a manifest; {} without one."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["pairs"]
        noted = {stem: entry.get("landmarks") for stem, entry in entries.items()}
        found = {stem: np.array(points, np.float64) for stem, points in noted.items() if points is not None}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{quote(path)} cannot be read ({error!r}); run animegan3 pairs again, or remove it") from None
    wrong = sorted(stem for stem, points in found.items() if points.shape != (5, 2) or not np.isfinite(points).all())
    if wrong:
        raise UserError(f"{quote(path)}: the landmarks of {_some(wrong)} are not five points (x, y); correct them")
    return found


_ORDER, _KINDS, _CROP = 0, 1, 2  # random streams
_CACHE_BYTES = 3 << 30
_EYE_WIDTH, _EYE_HEIGHT = 0.34, 0.28  # half axes of an eye's ellipse in eye distances; drawn eyes are that large


class PairBatches:
    """The batches of a run.

    The n-th batch depends on (seed, n) and the folder alone, so a resumed run sees what it would have seen.

    Attributes:
        settings: The style's [pairs].
        seed: The seed of the run.
        images: All pairs.
        held_out: Numbers of the pairs that are kept for validation.
    """

    def __init__(
        self, settings: PairSettings, images: PairImages, seed: int = 0, warn: Callable[[str], object] = say
    ) -> None:
        """Chooses the pairs that are held out.

        Args:
            settings: The style's [pairs].
            images: The pairs that `open_pairs` found.
            seed: Decides order, crops and variations.
            warn: Called with one line for each pair that cannot be read.

        Raises:
            UserError: There are fewer than two pairs, or none can be read.
        """
        self.settings, self.seed, self.images = settings, seed, images
        self.held_out = held_out_numbers([pair.stem for pair in images.pairs], settings.held_out)
        trained = images.part(sorted(set(range(len(images))) - set(self.held_out)), settings.eyes > 0)
        self._store = ImageStore(trained, warn, _CACHE_BYTES)
        self._store.load(0)  # a folder without any readable pair raises here, not from inside the pipeline
        self._permutation = functools.lru_cache(maxsize=4)(self._permute)

    def batches(self, start_step: int = 0, worker: int = 0, workers: int = 1, replicas: int = 1) -> tf.data.Dataset:
        """Makes the endless stream of batches from a step on.

        Args:
            start_step: The first step.
            worker: The number of this process, from 0.
            workers: How many processes there are.
            replicas: How many devices there are in all; each gets an equal share of every batch.

        Returns:
            Dataset of the dictionaries that `batch` returns; N and S are those of the batch's kind.
        """
        local = replicas // workers
        channels = {"photo": 3, "drawing": 3, **({"eyes": 1} if self.settings.eyes else {})}

        def share(number: np.ndarray) -> list[np.ndarray]:
            step, device = start_step + int(number) // local, int(number) % local
            crops = self.batch(step, worker * local + device, replicas)
            return [crops[name] for name in channels]

        def examples(number: tf.Tensor) -> dict[str, tf.Tensor]:
            crops = tf.numpy_function(share, [number], [tf.float32] * len(channels), stateful=False)
            parts = zip(channels.items(), crops)
            return {name: tf.ensure_shape(crop, [None, None, None, depth]) for (name, depth), crop in parts}

        numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // 2)
        return numbers.map(examples, num_parallel_calls=2, deterministic=True).prefetch(2)

    def batch(self, step: int, share: int = 0, shares: int = 1) -> dict[str, np.ndarray]:
        """Cuts the crops of a step.

        Args:
            step: From 0.
            share: Number of the part of the batch to cut, from 0.
            shares: How many equal parts the batch is divided into.

        Returns:
            {"photo", "drawing": float32 [N / shares, S, S, 3] in [-1, 1]}; where the style weighs the eyes also "eyes",
            float32 [N / shares, S, S, 1], 1 about the eyes and 0 elsewhere.
        """
        kind, first = self._plan(step)
        count = kind.count // shares
        crops = [self._crop(kind, first + share * count + i) for i in range(count)]
        parts = np.split(np.stack(crops), [3, 6], axis=-1)
        names = ("photo", "drawing", "eyes") if self.settings.eyes else ("photo", "drawing")
        return {name: np.ascontiguousarray(part) for name, part in zip(names, parts)}

    def _plan(self, step: int) -> tuple[BatchSettings, int]:
        """Finds a step's kind of batch, and the number of its first example."""
        kinds = self.settings.cycle
        cycle, position = divmod(step, len(kinds))
        order = self._rng(_KINDS, cycle).permutation(len(kinds))
        before = sum(kinds[turn].count for turn in order[:position])
        return kinds[order[position]], cycle * sum(kind.count for kind in kinds) + before

    def _crop(self, kind: BatchSettings, number: int) -> np.ndarray:
        """Cuts and varies one example, float32 [S, S, 6] in [-1, 1], or [S, S, 7] with the eyes in [0, 1]."""
        epoch, position = divmod(number, len(self._store))
        pair = self._store.load(self._permutation(epoch)[position])
        rng = self._rng(_CROP, number)
        pair = _scaled(pair, int(rng.integers(kind.scales[0], kind.scales[1] + 1)))
        top, left = (_about_middle(rng, side - kind.crop) for side in pair.shape[:2])
        pair = pair[top : top + kind.crop, left : left + kind.crop]
        mirrored, varied, bright, soft = rng.random(4)
        if self.settings.flip and mirrored < 0.5:
            pair = pair[:, ::-1]
        if soft < self.settings.soft:
            pair = _softened(pair, rng.uniform(1.0, self.settings.softest))
        light = np.full(6, 1.0 / 127.5, np.float32)
        if varied < self.settings.varied:
            least, most = self.settings.brightness
            casts = 1.0 + rng.uniform(-self.settings.cast, self.settings.cast, 3)
            factor = least + (most - least) * bright
            light *= np.concatenate([factor * casts, factor**self.settings.drawing_light * casts]).astype(np.float32)
        pair, eyes = pair[..., :6], pair[..., 6:]
        return np.concatenate([np.minimum(pair * light, 2.0) - 1.0, eyes / np.float32(255.0)], axis=-1)

    def _permute(self, epoch: int) -> np.ndarray:
        return self._rng(_ORDER, epoch).permutation(len(self._store))

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, number])


def _scaled(pair: np.ndarray, short_side: int) -> np.ndarray:
    """Resizes uint8 [H, W, 6 or 7]; OpenCV's interpolations are fastest with three channels at a time."""
    size = short_side_size(pair.shape, short_side)
    parts = [np.ascontiguousarray(part) for part in np.split(pair, [3, 6], axis=-1) if part.shape[-1]]
    return np.concatenate([resize(part, size).reshape(*size, -1) for part in parts], axis=-1)


def _eye_mask(size: tuple[int, ...], landmarks: np.ndarray | None) -> np.ndarray:
    """Marks ellipses about both eyes with 255, uint8 [H, W, 1]; landmarks are fractions of the short side."""
    mask = np.zeros(size, np.uint8)
    if landmarks is not None:
        points = landmarks[:2] * min(size)
        distance = float(np.hypot(*(points[1] - points[0])))
        axes = (round(_EYE_WIDTH * distance), round(_EYE_HEIGHT * distance))
        for x, y in points:
            cv2.ellipse(mask, (round(x), round(y)), axes, 0.0, 0.0, 360.0, (255,), cv2.FILLED)
    return mask[..., np.newaxis]


def _softened(pair: np.ndarray, factor: float) -> np.ndarray:
    """Blurs the photo of a crop, uint8 [S, S, 6 or 7], as if taken with `factor` times fewer pixels a side."""
    side, photo = pair.shape[0], np.ascontiguousarray(pair[..., :3])
    reduced = max(8, round(side / factor))
    return np.concatenate([resize(resize(photo, (reduced, reduced)), (side, side)), pair[..., 3:]], axis=-1)


def _about_middle(rng: np.random.Generator, room: int) -> int:
    """Draws where a crop begins: the mean of two draws, so that the middle comes most often."""
    return int((rng.random() + rng.random()) / 2.0 * (room + 1))
