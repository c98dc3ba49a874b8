"""The images of a folder of files, with the targets that `prepare` wrote beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from animegan3_tf.data.ledger import missing_targets, rejected_sources
from animegan3_tf.data.targets import Stage, target_name, working_picture
from animegan3_tf.images import DEFAULT_MAX_PIXELS, ImageError, find_images, quote, read_image


class FolderImages:
    """A folder of files as `Images`; see `open_images`."""

    def __init__(
        self,
        folder: str | Path,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        sides: Sequence[int] | None = None,
        stage: Stage | None = None,
        warn: Callable[[str], object] = print,
    ) -> None:
        self.folder, self._max_pixels, self._sides = Path(folder), max_pixels, sides
        self._paths = find_images(folder)
        self._balance = None if stage is None else stage.parameters.get("balance")
        self._targets: Path | None = None
        self._rejected: dict[str, str] = {}
        if stage is not None and self._prepared(stage, warn):
            self._targets, self._rejected = stage.target, rejected_sources(stage)

    @property
    def has_targets(self) -> bool:
        """Whether `load` gives six channels."""
        return self._targets is not None

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
        missing = missing_targets(stage, images, target_name)
        if missing:
            warn(
                f"{missing:,} of {len(images):,} targets in {quote(stage.target)} are missing or made with other "
                "settings: training makes them on the fly, which is slower; animegan3 prepare with this style makes "
                "them once"
            )
        return not missing
