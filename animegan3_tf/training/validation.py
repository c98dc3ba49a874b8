"""Validation: grids of images that are not trained on, and their scores."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from animegan3_tf.common import images
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import ImageError, resize
from animegan3_tf.data.dataset import open_images
from animegan3_tf.data.drawing_checks import both_eyes_drawn
from animegan3_tf.data.pair_dataset import PairImages
from animegan3_tf.losses import feature_distance, gram_matrix
from animegan3_tf.losses.features import centred
from animegan3_tf.networks import PerceptualNetwork
from animegan3_tf.styles.style import PerceptualSettings
from animegan3_tf.training.callbacks import Logs, RunCallback, Show
from animegan3_tf.training.terms import gray
from animegan3_tf.training.trainer import GanTrainer

Rendering = tuple[list[list[np.ndarray]], Sequence[str], dict[str, float]]  # rows of images, column names, curves


class Validation(RunCallback):
    """Draws rows of photo | support | main of the averaged generator, as PNG and in TensorBoard, and scores them.

    The rows of a generator with a single tail are photo | main.

    Args:
        every: Steps between two validations.
        photos: uint8 [H, W, 3] each, H and W multiples of 8.
        folder: Folder of the grids.
        log_folder: TensorBoard's log folder.
        scores: Scores for the same photos, or None for images alone.
        listeners: Callbacks whose `validated` is called after each validation.
    """

    def __init__(
        self,
        every: int,
        photos: Sequence[np.ndarray],
        folder: Path,
        log_folder: str | os.PathLike[str],
        scores: Scores | None = None,
        listeners: Sequence[RunCallback] = (),
    ) -> None:
        super().__init__(every)
        self.photos, self.folder, self.scores, self.listeners = photos, folder, scores, listeners
        self._writer = tf.summary.create_file_writer(str(log_folder))

    def act(self, step: int, logs: Logs) -> None:
        """Draws and scores."""
        self.draw(self.model, step)

    def draw(self, trainer: GanTrainer, step: int) -> None:
        """Writes `<step>.png` and the curves, and calls the listeners."""
        rows, columns, values = self.render(trainer.deployed)
        grid = images.grid(rows)
        images.write_image(self.path(step), grid)
        with self._writer.as_default(step=step):
            tf.summary.image(", ".join(columns), grid[None])
            for name, value in values.items():
                tf.summary.scalar(f"validation/{name}", value)
        self._writer.flush()
        for listener in self.listeners:
            listener.validated(step, trainer.phase, values, self.path(step))

    def render(self, generator: tf.keras.Model) -> Rendering:
        """Runs the generator on the photos and scores its images.

        Args:
            generator: float [1, H, W, 3] in [-1, 1] to the same, or to {tail: the same}.

        Returns:
            The grid's rows of uint8 images, the names of its columns, and the curves {name: value}.
        """
        rows: list[list[np.ndarray]] = []
        measured = []
        for index, photo in enumerate(self.photos):  # one by one: a grid must not need more memory than a step
            drawn = generator(to_unit(photo))
            drawn = drawn if isinstance(drawn, dict) else {"main": drawn}
            tails = {tail: tf.cast(drawn[tail], tf.float32) for tail in ("support", "main") if tail in drawn}
            rows.append([photo, *(to_levels(image[0]) for image in tails.values())])
            if self.scores is not None:
                measured.append(self.scores.measure(index, tails))
        curves = self.scores.curves(measured) if self.scores is not None and measured else {}
        return rows, ["photo", *tails], curves

    def path(self, step: int) -> Path:
        """The path of a step's grid."""
        return self.folder / f"{step:06d}.png"


class Scores:
    """Distances of the generator's images of a fixed set of photos from the photos and from anime.

    content_distance is the mean absolute difference between the features of photo and image at the style's `distance`
    tap, in the unit of the content loss before its weight. The photo itself has 0.

    anime_likeness is, at each of the style's `style` taps, 1 - d(image) / d(photo), where d(x) is the distance of the
    Gram matrix of gray x from the mean Gram matrix of the anime set, averaged over the photos; then averaged over the
    taps. 0 is as far from anime as the photos are, 1 is the anime set's mean, and below 0 is further than the photos.
    It is measured in the network that the run trains against, with the statistics that its style loss changes. So it
    compares steps of one run, and runs that share network, photos and anime. It does not replace a classifier: an image
    may score well without looking like anime. NaN where the photos' own distance is 0.

    anime_itself is the likeness of the anime images, each against the mean of the others: the value to expect of real
    anime, which differs from its mean too. NaN with a single image.

    Args:
        network: The perceptual network, with the taps of `weights`.
        weights: The style's weights for it.
        photos: uint8 [H, W, 3] of one size each; read one at a time.
        anime: Anime images of the same kind.

    Attributes:
        mean: {tap: mean Gram matrix of the anime set}.
        photo_distance: {tap: distance of the photos from it}.
        anime_itself: See above.
    """

    def __init__(
        self,
        network: PerceptualNetwork,
        weights: PerceptualSettings,
        photos: Iterable[np.ndarray],
        anime: Iterable[np.ndarray],
    ) -> None:
        self.network, self.tap = network, weights.distance
        self.style_taps = list(weights.style)
        grams = [self._grams(network(gray(to_unit(image)))) for image in anime]
        self.mean = {tap: functools.reduce(np.add, [g[tap] for g in grams]) / len(grams) for tap in self.style_taps}
        self._photos, distances = [], []
        for photo in photos:
            unit = to_unit(photo)
            self._photos.append(network(unit)[self.tap])
            distances.append(self._distances(self._grams(network(gray(unit))), self.mean))
        self.photo_distance = _means(distances)
        self.anime_itself = float("nan")
        if len(grams) > 1:
            others = (
                {tap: (len(grams) * self.mean[tap] - g[tap]) / (len(grams) - 1) for tap in self.style_taps}
                for g in grams
            )
            self.anime_itself = self._likeness(_means([self._distances(g, m) for g, m in zip(grams, others)]))

    def measure(self, index: int, tails: Mapping[str, tf.Tensor]) -> dict[str, dict[str, Any]]:
        """Measures the images of one photo.

        Args:
            index: The number of the photo.
            tails: {tail: float [1, H, W, 3] in [-1, 1]}.

        Returns:
            {tail: {"content": distance, "style": {tap: distance}}}, for `curves`.
        """
        found: dict[str, dict[str, Any]] = {}
        for tail, image in tails.items():
            features = self.network(tf.concat([image, gray(image)], axis=0))
            content = feature_distance(self._photos[index], features[self.tap][:1], self.network.scales[self.tap])
            style = self._distances(self._grams({tap: features[tap][1:] for tap in self.style_taps}), self.mean)
            found[tail] = {"content": float(content), "style": style}
        return found

    def curves(self, measured: Sequence[Mapping[str, Mapping[str, Any]]]) -> dict[str, float]:
        """Averages over the photos.

        Args:
            measured: The results of `measure` for every photo.

        Returns:
            The curves {name: value}.
        """
        values = {}
        for tail in measured[0]:
            rows = [found[tail] for found in measured]
            values[f"content_distance_{tail}"] = float(np.mean([row["content"] for row in rows]))
            values[f"anime_likeness_{tail}"] = self._likeness(_means([row["style"] for row in rows]))
        return {**values, "anime_itself": self.anime_itself}

    def _grams(self, features: Mapping[str, tf.Tensor]) -> dict[str, np.ndarray]:
        return {tap: gram_matrix(centred(features[tap])).numpy()[0] for tap in self.style_taps}

    def _distances(self, grams: Mapping[str, np.ndarray], mean: Mapping[str, np.ndarray]) -> dict[str, float]:
        return {tap: float(np.abs(grams[tap] - mean[tap]).mean()) for tap in self.style_taps}

    def _likeness(self, distances: Mapping[str, float]) -> float:
        ratios = [distances[tap] / far if far > 0 else float("nan") for tap, far in self.photo_distance.items()]
        return float(1.0 - np.mean(ratios))


def spread_images(
    folder: str | Path, count: int, side: int, max_pixels: int = images.DEFAULT_MAX_PIXELS
) -> Iterator[np.ndarray]:
    """Yields images spread evenly over a folder, in its order.

    Other images replace those that cannot be read; the input pipeline warns about these.

    Args:
        folder: A folder of image files or of shards.
        count: The most images to yield.
        side: Side of the squares in pixels.
        max_pixels: The most pixels of an image file.

    Yields:
        The middle of each image, uint8 [side, side, 3].

    Raises:
        UserError: None of the images can be read.
    """
    pictures = open_images(folder, max_pixels)
    numbers = range(len(pictures))
    found = 0
    for number in dict.fromkeys([*images.evenly_spread(numbers, count), *numbers]):
        if found == count:
            break
        with contextlib.suppress(images.ImageError):
            image = _square(pictures.load(number), side)
            found += 1
            yield image
    if not found:
        raise UserError(
            f"folder {str(folder)!r} holds no images that can be read; name another (--samples, --photos, --anime)"
        )


def to_unit(image: np.ndarray) -> tf.Tensor:
    """Converts a uint8 image [H, W, 3] to a batch of one, float32 [1, H, W, 3] in [-1, 1]."""
    return tf.constant(image[None], tf.float32) / 127.5 - 1.0


def to_levels(image: tf.Tensor | np.ndarray) -> np.ndarray:
    """Converts a float image [H, W, 3] in [-1, 1] to uint8, rounded and clipped."""
    return np.rint((np.asarray(image, np.float32) + 1.0) * 127.5).clip(0, 255).astype(np.uint8)


def _means(distances: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {tap: float(np.mean([found[tap] for found in distances])) for tap in distances[0]}


def _square(rgb: np.ndarray, side: int) -> np.ndarray:
    shorter = min(rgb.shape[:2])
    top, left = ((length - shorter) // 2 for length in rgb.shape[:2])
    return images.resize(rgb[top : top + shorter, left : left + shorter], (side, side))


@dataclass(frozen=True)
class PairSquare:
    """The middle of a pair.

    Attributes:
        photo: uint8 [S, S, 3].
        drawing: uint8 [S, S, 3].
        landmarks: The face's landmarks in pixels of the square, or None if they are not known.
    """

    photo: np.ndarray
    drawing: np.ndarray
    landmarks: np.ndarray | None


class PairValidation(Validation):
    """Draws rows of photo | result | drawing of the averaged generator, as PNG and in TensorBoard, and measures them.

    The curves are "psnr" in dB and "ssim" (Wang et al. 2004), both means over the pairs, and "eyes_drawn", the share of
    the results with both eyes (`evaluation.drawn_eyes`) among the pairs whose landmarks are known.

    Args:
        every: Steps between two validations.
        squares: The pairs.
        shown: The number of them in the grid.
        folder: Folder of the grids.
        log_folder: TensorBoard's log folder.
        listeners: Callbacks whose `validated` is called after each validation.
    """

    def __init__(
        self,
        every: int,
        squares: Sequence[PairSquare],
        shown: int,
        folder: Path,
        log_folder: str | os.PathLike[str],
        listeners: Sequence[RunCallback] = (),
    ) -> None:
        super().__init__(every, [square.photo for square in squares], folder, log_folder, None, listeners)
        self._squares, self._shown = squares, shown

    def render(self, generator: tf.keras.Model) -> Rendering:
        """See `Validation`."""
        rows: list[list[np.ndarray]] = []
        psnr, ssim, eyes = [], [], []
        for square in self._squares:
            result = to_levels(generator(to_unit(square.photo))[0])
            pair = tf.constant(result), tf.constant(square.drawing)
            psnr.append(float(tf.image.psnr(*pair, max_val=255)))
            ssim.append(float(tf.image.ssim(*pair, max_val=255)))
            if square.landmarks is not None:
                eyes.append(both_eyes_drawn(result, square.landmarks.tolist()))
            if len(rows) < self._shown:
                rows.append([square.photo, result, square.drawing])
        values = {"psnr": float(np.mean(psnr)), "ssim": float(np.mean(ssim))}
        if eyes:
            values["eyes_drawn"] = float(np.mean(eyes))
        return rows, ("photo", "result", "drawing"), values


def held_out_squares(pictures: PairImages, numbers: Sequence[int], side: int, warn: Show = say) -> list[PairSquare]:
    """Loads the middle of some pairs.

    Args:
        pictures: All pairs.
        numbers: The numbers of the pairs to load.
        side: Side of the squares in pixels.
        warn: Receives a warning for each pair that cannot be read.

    Returns:
        The squares of the pairs that can be read.

    Raises:
        UserError: None of the pairs can be read.
    """
    squares = []
    for number in numbers:
        try:
            pair = pictures.load(number)
        except ImageError as error:
            warn(f"left out of the validation: {error}")
            continue
        shorter = min(pair.shape[:2])
        top, left = ((length - shorter) // 2 for length in pair.shape[:2])
        pair = pair[top : top + shorter, left : left + shorter]
        halves = (np.ascontiguousarray(pair[..., :3]), np.ascontiguousarray(pair[..., 3:]))
        landmarks = pictures.landmarks(number)
        if landmarks is not None:
            landmarks = (landmarks - np.array([left, top]) / shorter) * side
        photo, drawing = (resize(half, (side, side)) for half in halves)
        squares.append(PairSquare(photo, drawing, landmarks))
    if not squares:
        raise UserError(f"none of the {len(numbers)} pairs held out for validation can be read; repair or remove them")
    return squares
