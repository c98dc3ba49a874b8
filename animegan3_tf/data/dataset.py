"""The training input: photos with region targets, anime with its smoothed twin, in an order fixed by a seed."""

from __future__ import annotations

import os

import numpy as np
import tensorflow as tf

from animegan3_tf.data.picture_store import PictureStore
from animegan3_tf.data.pictures import open_pictures
from animegan3_tf.data.rotation import rotate
from animegan3_tf.data.targets import style_targets
from animegan3_tf.filters import add_salt, l0_smooth, smooth_edges, superpixels
from animegan3_tf.images import DEFAULT_MAX_PIXELS

_PHOTO, _ANIME = 0, 1  # random streams


class TrainingData:
    """The examples of a run. The n-th depends on (seed, n) alone, so a resumed run sees what it would have seen.

    photos, anime: folders of pictures or of shards, which give the same examples. Targets that `prepare` made are
    used; without them they are made on the fly from the crops, after a warning.
    """

    def __init__(self, style, photos, anime, seed=0, warn=print, max_pixels=DEFAULT_MAX_PIXELS):
        self.style, self.seed = style, seed
        stages = {stage.name: stage for stage in style_targets(style, photos, anime)}
        self._photos, self._anime = (
            PictureStore(open_pictures(folder, max_pixels, style.data.sides, stages.get(name), warn), warn)
            for folder, name in ((photos, style.target.region_target), (anime, "smooth"))
        )
        for store in (self._photos, self._anime):
            store.load(0)  # a folder of which nothing can be read is told of here, not from inside the pipeline

    def batches(self, start_step=0, worker=0, workers=1, replicas=1):
        """Endless batches {photo, photo_region, anime, anime_smooth}, float32 [N, size, size, 3] in [-1, 1].

        A style without a region target has no photo_region.

        worker, workers, replicas: on several devices, this process's number and how many processes and devices there
        are in all. A step's pictures are the same as on one device: N, a batch over the replicas, goes to each device.
        """
        size, batch = self.style.data.image_size, self.style.train.batch_size
        share, first = batch // workers, start_step * batch + worker * (batch // workers)
        batch //= replicas
        counts = tf.data.Dataset.range(np.iinfo(np.int64).max // self.style.train.batch_size - start_step)
        numbers = counts.map(lambda n: first + n // share * self.style.train.batch_size + n % share)
        examples = numbers.map(self._example, num_parallel_calls=max(2, os.cpu_count() or 1), deterministic=True)
        batches = examples.batch(batch, drop_remainder=True)
        return batches.map(lambda b: {k: tf.ensure_shape(v, [batch, size, size, 3]) for k, v in b.items()}).prefetch(2)

    def _example(self, number):
        style, seed = self.style, self.seed
        crop = _crop(self._photos, number, (seed, _PHOTO), style.data)
        photo = _vary(tf.concat(self._photo_and_region(crop), axis=-1), number, seed, style.data)
        crop = _crop(self._anime, number, (seed, _ANIME), style.data)
        smooth = crop[..., 3:] if self._anime.has_targets else _smooth_anime(crop, number, seed, style.data.salt)
        pictures = {"photo": photo[..., :3]}
        if style.target.region_target != "none":
            pictures["photo_region"] = photo[..., 3:]
        return {**pictures, "anime": _unit(crop[..., :3]), "anime_smooth": _unit(smooth)}

    def _photo_and_region(self, crop):
        photo = _unit(crop[..., :3])
        if self.style.target.region_target == "none":
            return [photo]
        return [photo, _unit(crop[..., 3:]) if self._photos.has_targets else _photo_region(self.style.target, crop)]


def _crop(store, number, stream, settings):
    """A random square of the example's picture, uint8 [size, size, C], fixed by (stream, number) alone."""
    count, size = len(store), settings.image_size
    epoch, position = number // count, number % count
    index = tf.random.experimental.index_shuffle(position, _seed(stream, epoch), count - 1)
    picture = tf.numpy_function(store.load, [index], tf.uint8, stateful=False)
    channels = 6 if store.has_targets else 3
    picture.set_shape([None, None, channels])
    draws = tf.random.stateless_uniform([3], _seed(stream, number))
    room = tf.cast(tf.shape(picture)[:2] - size + 1, tf.float32)
    top, left = tf.unstack(tf.cast(draws[:2] * room, tf.int32))
    picture = picture[top : top + size, left : left + size]
    if settings.flip:
        picture = tf.cond(draws[2] < 0.5, lambda: picture[:, ::-1], lambda: picture)
    return tf.ensure_shape(picture, [size, size, channels])


def _photo_region(settings, crop):
    if settings.region_target == "l0":
        smooth = l0_smooth(tf.cast(crop, tf.float32)[None] / 255.0, settings.region_l0_lambda)[0]
        return tf.clip_by_value(smooth * 2.0 - 1.0, -1.0, 1.0)
    region = tf.numpy_function(superpixels, [crop], tf.uint8, stateful=False)
    return _unit(tf.ensure_shape(region, crop.shape))


def _smooth_anime(crop, number, seed, salt):
    def smooth(image, number):
        image = smooth_edges(image)
        return add_salt(image, salt, np.random.default_rng([seed, int(number)])) if salt else image

    return tf.ensure_shape(tf.numpy_function(smooth, [crop, number], tf.uint8, stateful=False), crop.shape)


def _vary(picture, number, seed, settings):
    """Slight rotation and brightness of a photo together with its target, [size, size, C] in [-1, 1]."""
    draws = tf.random.stateless_uniform([2], _seed((seed, _PHOTO + 2), number), -1.0, 1.0)
    if settings.rotation:
        picture = rotate(picture, draws[0] * settings.rotation * np.pi / 180.0)
    if settings.brightness:
        picture = tf.clip_by_value(picture + draws[1] * settings.brightness, -1.0, 1.0)
    return picture


def _unit(levels):
    return tf.cast(levels, tf.float32) / 127.5 - 1.0


def _seed(stream, number):
    seed, kind = stream
    return tf.stack([tf.cast(seed * 4 + kind, tf.int64), number])
