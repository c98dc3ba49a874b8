"""The pictures of a folder, whichever way they lie in it: as files, or in TFRecord shards.

Both kinds have `folder`, a length, `has_targets`, and `load(number)` -> uint8 [H, W, 3], the picture, or [H, W, 6] with
its prepared target behind it. `load` raises `ImageError` for a picture that cannot be read.
"""

from __future__ import annotations

from animegan3_tf.data.folder_pictures import FolderPictures
from animegan3_tf.data.shard_folder import is_shard_folder
from animegan3_tf.data.shard_pictures import ShardPictures
from animegan3_tf.images import DEFAULT_MAX_PIXELS


def open_pictures(folder, max_pixels=DEFAULT_MAX_PIXELS, sides=None, stage=None, warn=print):
    """The pictures of a folder of files or of shards, in the same order.

    sides: the working size to bring them to (`targets.to_working_size`); shards are at that of their style already,
    and refused where it is another. stage: whose prepared targets come with them, where each picture has one made as
    the stage would make it; else `warn` is told. Pictures are balanced as the stage balances them; shards are so
    already, and refused where it is otherwise.
    """
    if is_shard_folder(folder):
        return ShardPictures(folder, sides, stage, warn)
    return FolderPictures(folder, max_pixels, sides, stage, warn)
