"""The images of a folder, whichever way they lie in it: as files, or in TFRecord shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from animegan3_tf.data.folder_pictures import FolderImages
from animegan3_tf.data.shard_folder import is_shard_folder
from animegan3_tf.data.shard_pictures import ShardImages
from animegan3_tf.images import DEFAULT_MAX_PIXELS

if TYPE_CHECKING:
    import numpy as np

    from animegan3_tf.data.targets import Stage


class Images(Protocol):
    """Images by number, with or without a prepared target each.

    Attributes:
        folder: Where they lie.
    """

    folder: Path

    @property
    def has_targets(self) -> bool:
        """Whether `load` gives six channels."""

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
    warn: Callable[[str], object] = print,
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
