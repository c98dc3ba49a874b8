"""The training input: photos with region targets, anime with its smoothed twin, in an order fixed by a seed."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import tensorflow as tf

from animegan3_tf.data.ledger import missing_targets
from animegan3_tf.data.rotation import rotate
from animegan3_tf.data.targets import style_targets, target_name, to_working_size
from animegan3_tf.errors import UserError
from animegan3_tf.filters import add_salt, l0_smooth, smooth_edges, superpixels
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, quote, read_image

_PHOTO, _ANIME = 0, 1  # random streams
_CACHE_BYTES = 4 << 30


class PictureStore:
    """Pictures of a folder at working size, each with its prepared target where there is one, decoded once and kept.

    sides: see `targets.to_working_size`. targets: a folder of prepared targets, or None.
    Safe to read from many threads. Kept as uint8 until `cache_bytes` are full; later pictures are decoded each time.
    A picture that cannot be read is left out with one warning; the next one takes its place.
    """

    def __init__(
        self, folder, sides, targets=None, warn=print, max_pixels=DEFAULT_MAX_PIXELS, cache_bytes=_CACHE_BYTES
    ):
        self.paths = find_images(folder)
        if not self.paths:
            raise UserError(f"folder {quote(folder)} holds no pictures; name another with --photos or --anime")
        self.folder, self.targets = Path(folder), targets
        self._sides, self._max_pixels = sides, max_pixels
        self._warn, self._room = warn, cache_bytes
        self._cache, self._broken, self._lock = {}, set(), threading.Lock()

    def __len__(self):
        """How many files there are, broken ones included."""
        return len(self.paths)

    def load(self, index):
        """uint8 [H, W, 6], the picture and its target; [H, W, 3] without targets."""
        for offset in range(len(self)):
            path = self.paths[(index + offset) % len(self)]
            try:
                return self._get(path)
            except ImageError as error:
                with self._lock:
                    if path not in self._broken:
                        self._broken.add(path)
                        self._warn(f"left out ({len(self._broken)} so far): {error}")
        raise UserError(f"no picture in {quote(self.folder)} can be read")

    def _get(self, path):
        if path in self._broken:
            raise ImageError(f"{quote(path)} could not be read before")
        if path in self._cache:
            return self._cache[path]
        layers = [to_working_size(read_image(path, self._max_pixels).on_white(), self._sides)]
        if self.targets is not None:
            name = target_name(path.relative_to(self.folder).as_posix())
            target = read_image(self.targets / name).rgb
            if target.shape != layers[0].shape:
                raise ImageError(f"{quote(self.targets / name)} is not of its picture's size; run animegan3 prepare")
            layers.append(target)
        picture = np.concatenate(layers, axis=-1)
        with self._lock:
            if picture.nbytes <= self._room and path not in self._cache:
                self._room -= picture.nbytes
                self._cache[path] = picture
        return picture


class TrainingData:
    """The examples of a run. The n-th depends on (seed, n) alone, so a resumed run sees what it would have seen.

    photos, anime: folders. Targets that `prepare` made beside them are used; without them they are made on the fly
    from the crops, after a warning.
    """

    def __init__(self, style, photos, anime, seed=0, warn=print, max_pixels=DEFAULT_MAX_PIXELS):
        self.style, self.seed = style, seed
        stages = {stage.name: stage for stage in style_targets(style, photos, anime)}
        sides = style.data.sides
        wanted = (style.target.region_target, "smooth")
        region, smooth = (prepared_targets(stages[name], warn) if name in stages else None for name in wanted)
        self._photos = PictureStore(photos, sides, region, warn, max_pixels)
        self._anime = PictureStore(anime, sides, smooth, warn, max_pixels)
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
        smooth = crop[..., 3:] if self._anime.targets else _smooth_anime(crop, number, seed, style.data.salt)
        pictures = {"photo": photo[..., :3]}
        if style.target.region_target != "none":
            pictures["photo_region"] = photo[..., 3:]
        return {**pictures, "anime": _unit(crop[..., :3]), "anime_smooth": _unit(smooth)}

    def _photo_and_region(self, crop):
        photo = _unit(crop[..., :3])
        if self.style.target.region_target == "none":
            return [photo]
        return [photo, _unit(crop[..., 3:]) if self._photos.targets else _photo_region(self.style.target, crop)]


def prepared_targets(stage, warn=print):
    """The folder of a stage's targets if each picture has one, made as the stage would, else None with a warning."""
    pictures = {path.relative_to(stage.source).as_posix(): path for path in find_images(stage.source)}
    missing = missing_targets(stage, pictures, target_name)
    if not missing:
        return stage.target
    warn(
        f"{missing:,} of {len(pictures):,} targets in {quote(stage.target)} are missing or made otherwise: they are "
        "made during training, slower; animegan3 prepare with this style makes them once"
    )
    return None


def _crop(store, number, stream, settings):
    """A random square of the example's picture, uint8 [size, size, C], fixed by (stream, number) alone."""
    count, size = len(store), settings.image_size
    epoch, position = number // count, number % count
    index = tf.random.experimental.index_shuffle(position, _seed(stream, epoch), count - 1)
    picture = tf.numpy_function(store.load, [index], tf.uint8, stateful=False)
    picture.set_shape([None, None, 6 if store.targets else 3])
    draws = tf.random.stateless_uniform([3], _seed(stream, number))
    room = tf.cast(tf.shape(picture)[:2] - size + 1, tf.float32)
    top, left = tf.unstack(tf.cast(draws[:2] * room, tf.int32))
    picture = picture[top : top + size, left : left + size]
    if settings.flip:
        picture = tf.cond(draws[2] < 0.5, lambda: picture[:, ::-1], lambda: picture)
    return tf.ensure_shape(picture, [size, size, 6 if store.targets else 3])


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
