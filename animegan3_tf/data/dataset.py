"""The training input: photos with region targets, anime with its edge-smoothed twin, in an order fixed by a seed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from animegan3_tf.data.picture_store import ImageStore
from animegan3_tf.data.pictures import open_images
from animegan3_tf.data.rotation import rotate
from animegan3_tf.data.targets import style_targets
from animegan3_tf.filters import add_salt, l0_smooth, smooth_edges, superpixels
from animegan3_tf.images import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    from animegan3_tf.styles.style import DataSettings, Style, TargetSettings

_PHOTO, _ANIME = 0, 1  # random streams


class TrainingData:
    """The examples of a run.

    The n-th example depends on (seed, n) alone, so a resumed run sees what it would have seen.

    Attributes:
        style: The style that is trained.
        seed: The seed of the run.
    """

    def __init__(
        self,
        style: Style,
        photos: str | Path,
        anime: str | Path,
        seed: int = 0,
        warn: Callable[[str], object] = print,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        """Opens the folders.

        Args:
            style: Says how images are cut and varied, and which targets there are.
            photos: Folder of images or of shards; both give the same examples.
            anime: Folder of images or of shards.
            seed: Decides order, crops and variations.
            warn: Called with one line for each image that cannot be read, and where targets that `prepare` makes are
                missing and are made from the crops during training.
            max_pixels: Images with more are refused.

        Raises:
            UserError: A folder holds no image that can be read, or shards that were made for another style.
        """
        self.style, self.seed = style, seed
        stages = {stage.name: stage for stage in style_targets(style, photos, anime)}
        self._photos, self._anime = (
            ImageStore(open_images(folder, max_pixels, style.data.sides, stages.get(name), warn), warn)
            for folder, name in ((photos, style.target.region_target), (anime, "smooth"))
        )
        for store in (self._photos, self._anime):
            store.load(0)  # a folder without any readable image raises here, not from inside the pipeline

    def batches(self, start_step: int = 0, worker: int = 0, workers: int = 1, replicas: int = 1) -> tf.data.Dataset:
        """Makes the endless stream of batches from a step on.

        Args:
            start_step: The first step.
            worker: The number of this process, from 0.
            workers: How many processes there are.
            replicas: How many devices there are in all. Together they see the same images in a step as one would.

        Returns:
            Dataset of {"photo", "photo_region", "anime", "anime_smooth"}, float32 [N, size, size, 3] in [-1, 1], with
            N = batch_size / replicas; without "photo_region" for a style that has no region target.
        """
        size, batch = self.style.data.image_size, self.style.train.batch_size
        share, first = batch // workers, start_step * batch + worker * (batch // workers)
        batch //= replicas
        counts = tf.data.Dataset.range(np.iinfo(np.int64).max // self.style.train.batch_size - start_step)
        numbers = counts.map(lambda n: first + n // share * self.style.train.batch_size + n % share)
        examples = numbers.map(self._example, num_parallel_calls=max(2, os.cpu_count() or 1), deterministic=True)
        batches = examples.batch(batch, drop_remainder=True)
        return batches.map(lambda b: {k: tf.ensure_shape(v, [batch, size, size, 3]) for k, v in b.items()}).prefetch(2)

    def _example(self, number: tf.Tensor) -> dict[str, tf.Tensor]:
        style, seed = self.style, self.seed
        crop = _crop(self._photos, number, (seed, _PHOTO), style.data)
        photo = _vary(tf.concat(self._photo_and_region(crop), axis=-1), number, seed, style.data)
        crop = _crop(self._anime, number, (seed, _ANIME), style.data)
        smooth = crop[..., 3:] if self._anime.has_targets else _smooth_anime(crop, number, seed, style.data.salt)
        images = {"photo": photo[..., :3]}
        if style.target.region_target != "none":
            images["photo_region"] = photo[..., 3:]
        return {**images, "anime": _unit(crop[..., :3]), "anime_smooth": _unit(smooth)}

    def _photo_and_region(self, crop: tf.Tensor) -> list[tf.Tensor]:
        photo = _unit(crop[..., :3])
        if self.style.target.region_target == "none":
            return [photo]
        return [photo, _unit(crop[..., 3:]) if self._photos.has_targets else _photo_region(self.style.target, crop)]


def _crop(store: ImageStore, number: tf.Tensor, stream: tuple[int, int], settings: DataSettings) -> tf.Tensor:
    """Cuts a random square of the example's image, uint8 [size, size, C]; (stream, number) alone decide it."""
    count, size = len(store), settings.image_size
    epoch, position = number // count, number % count
    index = tf.random.experimental.index_shuffle(position, _seed(stream, epoch), count - 1)
    image = tf.numpy_function(store.load, [index], tf.uint8, stateful=False)
    channels = 6 if store.has_targets else 3
    image.set_shape([None, None, channels])
    draws = tf.random.stateless_uniform([3], _seed(stream, number))
    room = tf.cast(tf.shape(image)[:2] - size + 1, tf.float32)
    top, left = tf.unstack(tf.cast(draws[:2] * room, tf.int32))
    image = image[top : top + size, left : left + size]
    if settings.flip:
        image = tf.cond(draws[2] < 0.5, lambda: image[:, ::-1], lambda: image)
    return tf.ensure_shape(image, [size, size, channels])


def _photo_region(settings: TargetSettings, crop: tf.Tensor) -> tf.Tensor:
    if settings.region_target == "l0":
        smooth = l0_smooth(tf.cast(crop, tf.float32)[None] / 255.0, settings.region_l0_lambda)[0]
        return tf.clip_by_value(smooth * 2.0 - 1.0, -1.0, 1.0)
    region = tf.numpy_function(superpixels, [crop], tf.uint8, stateful=False)
    return _unit(tf.ensure_shape(region, crop.shape))


def _smooth_anime(crop: tf.Tensor, number: tf.Tensor, seed: int, salt: float) -> tf.Tensor:
    def smooth(image: np.ndarray, number: np.ndarray) -> np.ndarray:
        image = smooth_edges(image)
        return add_salt(image, salt, np.random.default_rng([seed, int(number)])) if salt else image

    return tf.ensure_shape(tf.numpy_function(smooth, [crop, number], tf.uint8, stateful=False), crop.shape)


def _vary(image: tf.Tensor, number: tf.Tensor, seed: int, settings: DataSettings) -> tf.Tensor:
    """Turns and brightens a photo slightly, together with its target, [size, size, C] in [-1, 1]."""
    draws = tf.random.stateless_uniform([2], _seed((seed, _PHOTO + 2), number), -1.0, 1.0)
    if settings.rotation:
        image = rotate(image, draws[0] * settings.rotation * np.pi / 180.0)
    if settings.brightness:
        image = tf.clip_by_value(image + draws[1] * settings.brightness, -1.0, 1.0)
    return image


def _unit(levels: tf.Tensor) -> tf.Tensor:
    return tf.cast(levels, tf.float32) / 127.5 - 1.0


def _seed(stream: tuple[int, int], number: tf.Tensor) -> tf.Tensor:
    seed, kind = stream
    return tf.stack([tf.cast(seed * 4 + kind, tf.int64), number])
