"""The training input of a run on pairs: crops of photos and of their drawings, cut and varied alike."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from animegan3_tf.data.pair_folder import PairImages, held_out_numbers
from animegan3_tf.data.picture_store import ImageStore
from animegan3_tf.images import resize
from animegan3_tf.styles.pair_settings import BatchSettings, PairSettings

_ORDER, _KINDS, _CROP = 0, 1, 2  # random streams
_CACHE_BYTES = 3 << 30


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
        self, settings: PairSettings, images: PairImages, seed: int = 0, warn: Callable[[str], object] = print
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
        trained = images.part(sorted(set(range(len(images))) - set(self.held_out)))
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
            Dataset of {"photo", "drawing": float32 [N, S, S, 3] in [-1, 1]}; N and S are those of the batch's kind.
        """
        local = replicas // workers

        def share(number: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            step, device = start_step + int(number) // local, int(number) % local
            crops = self.batch(step, worker * local + device, replicas)
            return crops["photo"], crops["drawing"]

        def examples(number: tf.Tensor) -> dict[str, tf.Tensor]:
            crops = tf.numpy_function(share, [number], [tf.float32] * 2, stateful=False)
            photo, drawing = (tf.ensure_shape(crop, [None, None, None, 3]) for crop in crops)
            return {"photo": photo, "drawing": drawing}

        numbers = tf.data.Dataset.range(np.iinfo(np.int64).max // 2)
        return numbers.map(examples, num_parallel_calls=2, deterministic=True).prefetch(2)

    def batch(self, step: int, share: int = 0, shares: int = 1) -> dict[str, np.ndarray]:
        """Cuts the crops of a step.

        Args:
            step: From 0.
            share: Number of the part of the batch to cut, from 0.
            shares: How many equal parts the batch is divided into.

        Returns:
            {"photo", "drawing": float32 [N / shares, S, S, 3] in [-1, 1]}.
        """
        kind, first = self._plan(step)
        count = kind.count // shares
        crops = [self._crop(kind, first + share * count + i) for i in range(count)]
        photo, drawing = np.split(np.stack(crops), 2, axis=-1)
        return {"photo": np.ascontiguousarray(photo), "drawing": np.ascontiguousarray(drawing)}

    def _plan(self, step: int) -> tuple[BatchSettings, int]:
        """Finds a step's kind of batch, and the number of its first example."""
        kinds = self.settings.cycle
        cycle, position = divmod(step, len(kinds))
        order = self._rng(_KINDS, cycle).permutation(len(kinds))
        before = sum(kinds[turn].count for turn in order[:position])
        return kinds[order[position]], cycle * sum(kind.count for kind in kinds) + before

    def _crop(self, kind: BatchSettings, number: int) -> np.ndarray:
        """Cuts and varies one example, float32 [S, S, 6] in [-1, 1]."""
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
        return np.minimum(pair * light, 2.0) - 1.0

    def _permute(self, epoch: int) -> np.ndarray:
        return self._rng(_ORDER, epoch).permutation(len(self._store))

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, stream, number])


def _scaled(pair: np.ndarray, short_side: int) -> np.ndarray:
    """Resizes uint8 [H, W, 6]; OpenCV's interpolations are fastest with three channels at a time."""
    scale = short_side / min(pair.shape[:2])
    size = (round(pair.shape[0] * scale), round(pair.shape[1] * scale))
    parts = (np.ascontiguousarray(pair[..., :3]), np.ascontiguousarray(pair[..., 3:]))
    return np.concatenate([resize(part, size) for part in parts], axis=-1)


def _softened(pair: np.ndarray, factor: float) -> np.ndarray:
    """Blurs the photo of a crop, uint8 [S, S, 6], as if taken with `factor` times fewer pixels a side."""
    side, photo = pair.shape[0], np.ascontiguousarray(pair[..., :3])
    reduced = max(8, round(side / factor))
    return np.concatenate([resize(resize(photo, (reduced, reduced)), (side, side)), pair[..., 3:]], axis=-1)


def _about_middle(rng: np.random.Generator, room: int) -> int:
    """Draws where a crop begins: the mean of two draws, so that the middle comes most often."""
    return int((rng.random() + rng.random()) / 2.0 * (room + 1))
