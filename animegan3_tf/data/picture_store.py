"""The cache between the pictures of a folder and training: decoded once, and no broken one met twice."""

from __future__ import annotations

import itertools
import threading

from animegan3_tf.errors import UserError
from animegan3_tf.images import ImageError, quote

_CACHE_BYTES = 4 << 30


class PictureStore:
    """Pictures by number, each decoded once and kept as uint8 until `cache_bytes` are full; later ones are not kept.

    pictures: of `pictures.open_pictures`. Safe to read from many threads. A picture that cannot be read is left out
    with one warning, which counts and names it; the next one takes its place.
    """

    def __init__(self, pictures, warn=print, cache_bytes=_CACHE_BYTES):
        if not len(pictures):
            raise UserError(f"folder {quote(pictures.folder)} holds no pictures; name another with --photos or --anime")
        self.has_targets = pictures.has_targets
        self._pictures, self._warn, self._room = pictures, warn, cache_bytes
        self._cache, self._broken, self._lock = {}, set(), threading.Lock()

    def __len__(self):
        """How many pictures there are, broken ones included."""
        return len(self._pictures)

    def load(self, index):
        """uint8 [H, W, 6], the picture and its target; [H, W, 3] without targets."""
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
        raise UserError(f"no picture in {quote(self._pictures.folder)} can be read")

    def _get(self, number):
        if number in self._cache:
            return self._cache[number]
        picture = self._pictures.load(number)
        with self._lock:
            if picture.nbytes <= self._room and number not in self._cache:
                self._room -= picture.nbytes
                self._cache[number] = picture
        return picture
