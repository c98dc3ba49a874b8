"""The cache between the images of a folder and training: each is decoded once, and a broken one is tried once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from animegan3_tf.errors import UserError
from animegan3_tf.images import ImageError, quote

if TYPE_CHECKING:
    import numpy as np

    from animegan3_tf.data.pictures import Images

_CACHE_BYTES = 4 << 30


class ImageStore:
    """Images by number, each decoded once and kept in memory while there is room. Safe to read from many threads.

    An image that cannot be read is left out with one warning, which counts and names it; the next one takes its place.

    Attributes:
        has_targets: Whether `load` gives six channels.
    """

    def __init__(self, images: Images, warn: Callable[[str], object] = print, cache_bytes: int = _CACHE_BYTES) -> None:
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
