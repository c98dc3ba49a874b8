"""The images of unpaired training, by number: from a folder or shards, cached, cropped and batched."""

from __future__ import annotations

import itertools
import json
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf

from animegan3_tf.common.console import say, tensorflow_addons
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.images import DEFAULT_MAX_PIXELS, ImageError, decode_image, find_images, read_image
from animegan3_tf.data.manifest import missing_targets, rejected_sources
from animegan3_tf.data.shard_folder import PICTURE, ShardIndex, is_shard_folder, read_frame
from animegan3_tf.data.targets import Stage, style_targets, target_name, working_picture
from animegan3_tf.filters import add_salt, l0_smooth, smooth_edges, superpixels
from animegan3_tf.styles.style import DataSettings, Style, TargetSettings


class ShardImages:
    """A folder of shards as `Images`, see `open_images`. It keeps no file open and no image in memory."""

    def __init__(
        self,
        folder: str | Path,
        sides: Sequence[int] | None = None,
        stage: Stage | None = None,
        warn: Callable[[str], object] = say,
    ) -> None:
        self._index = ShardIndex(folder)
        self.folder = self._index.folder
        if sides is not None:
            self._check_sides(sides)
        if stage is not None:
            self._check_balance(stage.parameters.get("balance"))
        self._target = None if stage is None else self._prepared(stage, warn)
        self.has_targets = self._target is not None

    def __len__(self) -> int:
        return len(self._index)

    def load(self, number: int) -> np.ndarray:
        """Reads an image, uint8 [H, W, 3 or 6]."""
        path, offset = self._index.place(number)
        try:
            with open(path, "rb") as file:
                feature = tf.train.Example.FromString(read_frame(file, offset)).features.feature
            wanted = (PICTURE,) if self._target is None else (PICTURE, self._target)
            layers = [decode_image(feature[name].bytes_list.value[0], f"its {name}").rgb for name in wanted]
            return layers[0] if len(layers) == 1 else np.concatenate(layers, axis=-1)
        except Exception as error:  # damaged bytes raise nearly anything
            record = f"record {quote(self._index.name(number))} at byte {offset:,} of {quote(path)}"
            raise ImageError(
                f"{record} cannot be read ({error}); to make its shard again, delete it and run the same animegan3 "
                "prepare --shards"
            ) from error

    def _check_sides(self, sides: Sequence[int]) -> None:
        """Refuses images of another working size, which cannot be resized: their targets were made at it."""
        made = self._index.stages[PICTURE]["sides"]
        if list(made) != list(sides):
            raise UserError(
                f"the shards in {quote(self.folder)} hold pictures with short sides of {made[0]} to {made[1]}, this "
                f"style cuts its crops from {sides[0]} to {sides[1]}; run animegan3 prepare --shards with this style"
            )

    def _check_balance(self, wanted: dict | None) -> None:
        """Refuses images of another balance: their colours before it are gone."""
        made = self._index.stages[PICTURE].get("balance")
        if made != wanted:
            theirs, ours = (settings["how"] if settings else "none" for settings in (made, wanted))
            raise UserError(
                f"the shards in {quote(self.folder)} hold pictures with balance {theirs!r}, this style has {ours!r}; "
                "run animegan3 prepare --shards with this style"
            )

    def _prepared(self, stage: Stage, warn: Callable[[str], object]) -> str | None:
        """Returns the stage's name if the records hold targets as it would make them; else None, after a warning."""
        if self._index.stages.get(stage.name) == json.loads(json.dumps(stage.parameters)):
            return stage.name
        warn(
            f"{stage.name} targets in the shards of {quote(self.folder)} are missing or made with other settings: "
            "training makes them on the fly, which is slower; animegan3 prepare --shards with this style makes them "
            "once"
        )
        return None


_ADDONS = tensorflow_addons()


def rotate(image: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """Rotates a float image [H, W, C] by `angle` radians, bilinearly; corners are filled by reflection."""
    if _ADDONS is None:
        return own_rotate(image, angle)
    return _ADDONS.image.rotate(image, angle, interpolation="bilinear", fill_mode="reflect")


def own_rotate(image: tf.Tensor, angle: tf.Tensor) -> tf.Tensor:
    """`rotate` for Pythons that TensorFlow Addons does not import on: the same matrix, about the image's centre."""
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32) - 1.0)
    angle = tf.cast(angle, tf.float32)
    cos, sin = tf.cos(angle), tf.sin(angle)
    x = (width - (cos * width - sin * height)) / 2.0
    y = (height - (sin * width + cos * height)) / 2.0
    zero = tf.zeros_like(cos)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=image[None],
        transforms=tf.stack([cos, -sin, x, sin, cos, y, zero, zero])[None],
        output_shape=tf.shape(image)[:2],
        interpolation="BILINEAR",
        fill_mode="REFLECT",
        fill_value=0.0,
    )[0]


class FolderImages:
    """A folder of files as `Images`; see `open_images`."""

    def __init__(
        self,
        folder: str | Path,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        sides: Sequence[int] | None = None,
        stage: Stage | None = None,
        warn: Callable[[str], object] = say,
    ) -> None:
        self.folder, self._max_pixels, self._sides = Path(folder), max_pixels, sides
        self._paths = find_images(folder)
        self._balance = None if stage is None else stage.parameters.get("balance")
        self._targets: Path | None = None
        self._rejected: dict[str, str] = {}
        if stage is not None and self._prepared(stage, warn):
            self._targets, self._rejected = stage.target, rejected_sources(stage)
        self.has_targets = self._targets is not None

    def __len__(self) -> int:
        return len(self._paths)

    def load(self, number: int) -> np.ndarray:
        """Reads an image, uint8 [H, W, 3 or 6]."""
        path = self._paths[number]
        name = self._name(path)
        image = working_picture(read_image(path, self._max_pixels).on_white(), name, self._sides, self._balance)
        if self._targets is None:
            return image
        if name in self._rejected:  # the target of its name, if there is one, is of another image: a.jpg, a.png
            raise ImageError(f"{self._rejected[name]}, and run animegan3 prepare")
        target_path = self._targets / target_name(name)
        target = read_image(target_path).rgb
        if target.shape != image.shape:
            raise ImageError(f"{quote(target_path)} is not as large as its picture; run animegan3 prepare")
        return np.concatenate([image, target], axis=-1)

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _prepared(self, stage: Stage, warn: Callable[[str], object]) -> bool:
        """Whether each image has a target made as the stage would make it; warns where not."""
        images = {self._name(path): path for path in self._paths}
        if missing := missing_targets(stage, images, target_name):
            warn(
                f"{missing:,} of {len(images):,} targets in {quote(stage.target)} are missing or made with other "
                "settings: training makes them on the fly, which is slower; animegan3 prepare with this style makes "
                "them once"
            )
        return not missing


class Images(Protocol):
    """Images by number, with or without a prepared target each.

    Attributes:
        folder: Where they lie.
        has_targets: Whether `load` gives six channels.
    """

    folder: Path
    has_targets: bool

    def __len__(self) -> int: ...

    def load(self, number: int) -> np.ndarray:
        """Reads an image.

        Args:
            number: From 0.

        Returns:
            uint8 [H, W, 3], or [H, W, 6] with the image's target behind it.

        Raises:
            ImageError: The image or its target cannot be read.
        """


def open_images(
    folder: str | Path,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    sides: Sequence[int] | None = None,
    stage: Stage | None = None,
    warn: Callable[[str], object] = say,
) -> Images:
    """Opens a folder of image files or of shards; both give the same images in the same order.

    Args:
        folder: The folder.
        max_pixels: Files with more pixels are refused when they are loaded.
        sides: The working size of the images, see `targets.to_working_size`. Shards hold images of their style's.
        stage: The targets that come with the images, where each image has one that the stage would make; and how the
            images are balanced. The images in shards are balanced already.
        warn: Called with one line where targets are missing.

    Returns:
        The images.

    Raises:
        UserError: The shards are not whole, or hold images of another working size or balance.
    """
    if is_shard_folder(folder):
        return ShardImages(folder, sides, stage, warn)
    return FolderImages(folder, max_pixels, sides, stage, warn)


_CACHE_BYTES = 4 << 30


class ImageStore:
    """Images by number, each decoded once and kept in memory while there is room. Safe to read from many threads.

    An image that cannot be read is left out with one warning, which counts and names it; the next one takes its place.

    Attributes:
        has_targets: Whether `load` gives six channels.
    """

    def __init__(self, images: Images, warn: Callable[[str], object] = say, cache_bytes: int = _CACHE_BYTES) -> None:
        """Makes an empty cache.

        Args:
            images: The images of a folder.
            warn: Called with one line for each image that is left out.
            cache_bytes: Room for decoded images; those that do not fit are decoded each time.

        Raises:
            UserError: There are no images.
        """
        if not len(images):
            raise UserError(f"folder {quote(images.folder)} holds no pictures; name another with --photos or --anime")
        self.has_targets = images.has_targets
        self._images, self._warn, self._room = images, warn, cache_bytes
        self._cache: dict[int, np.ndarray] = {}
        self._broken: set[int] = set()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """How many images there are, broken ones included."""
        return len(self._images)

    def load(self, index: int) -> np.ndarray:
        """Reads an image, or the next one that can be read.

        Args:
            index: From 0; an integer of any type.

        Returns:
            uint8 [H, W, 6], the image and behind it its target; [H, W, 3] without targets.

        Raises:
            UserError: No image of the folder can be read.
        """
        index = int(index)
        for number in itertools.chain(range(index, len(self)), range(index)):
            if number in self._broken:
                continue
            try:
                return self._get(number)
            except ImageError as error:
                with self._lock:
                    if number not in self._broken:
                        self._broken.add(number)
                        self._warn(f"left out ({len(self._broken)} so far): {error}")
        raise UserError(f"no picture in {quote(self._images.folder)} can be read")

    def _get(self, number: int) -> np.ndarray:
        if number in self._cache:
            return self._cache[number]
        image = self._images.load(number)
        with self._lock:
            if image.nbytes <= self._room and number not in self._cache:
                self._room -= image.nbytes
                self._cache[number] = image
        return image


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
        warn: Callable[[str], object] = say,
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
