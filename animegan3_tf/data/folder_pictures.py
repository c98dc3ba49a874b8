"""The pictures of a folder of files, with the targets that `prepare` wrote beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from animegan3_tf.data.ledger import missing_targets, rejected_sources
from animegan3_tf.data.targets import target_name, working_picture
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, quote, read_image


class FolderPictures:
    """See `pictures.open_pictures`."""

    def __init__(self, folder, max_pixels=DEFAULT_MAX_PIXELS, sides=None, stage=None, warn=print):
        self.folder, self._max_pixels, self._sides = Path(folder), max_pixels, sides
        self._paths = find_images(folder)
        self._balance = None if stage is None else stage.parameters.get("balance")
        self._targets = None if stage is None else self._prepared(stage, warn)
        self._rejected = {} if self._targets is None else rejected_sources(stage)

    @property
    def has_targets(self):
        """Whether `load` gives six channels."""
        return self._targets is not None

    def __len__(self):
        return len(self._paths)

    def load(self, number):
        """uint8 [H, W, 3 or 6]."""
        path = self._paths[number]
        name = self._name(path)
        picture = working_picture(read_image(path, self._max_pixels).on_white(), name, self._sides, self._balance)
        if self._targets is None:
            return picture
        if name in self._rejected:  # the target of its name, if there is one, is of another picture: a.jpg, a.png
            raise ImageError(f"{self._rejected[name]}, and run animegan3 prepare")
        target_path = self._targets / target_name(name)
        target = read_image(target_path).rgb
        if target.shape != picture.shape:
            raise ImageError(f"{quote(target_path)} is not of its picture's size; run animegan3 prepare")
        return np.concatenate([picture, target], axis=-1)

    def _name(self, path):
        return path.relative_to(self.folder).as_posix()

    def _prepared(self, stage, warn):
        """The folder of a stage's targets if each picture has one, made as the stage would, else None and a warning."""
        pictures = {self._name(path): path for path in self._paths}
        missing = missing_targets(stage, pictures, target_name)
        if not missing:
            return stage.target
        warn(
            f"{missing:,} of {len(pictures):,} targets in {quote(stage.target)} are missing or made otherwise: they "
            "are made during training, slower; animegan3 prepare with this style makes them once"
        )
        return None
