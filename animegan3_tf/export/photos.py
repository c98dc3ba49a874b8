"""Real photos for calibrating and checking exported files."""

import numpy as np

from animegan3_tf import images
from animegan3_tf.errors import UserError

_BUNDLED = ("astronaut", "chelsea", "coffee")  # public domain or CC0, inside scikit-image's wheel


def read_photos(folder, count, option):
    """Up to `count` pictures of a folder, evenly spread over it, as uint8 RGB arrays.

    UserError when it holds none or one cannot be read; `option` is what the user calls the folder.
    """
    if not folder.is_dir():
        raise UserError(f"{option} {str(folder)!r} is not a folder; name one that holds photos")
    paths = images.find_images(folder)
    if not paths:
        raise UserError(f"{option} {str(folder)!r} holds no photos; put some like those the model will see there")
    chosen = np.linspace(0, len(paths) - 1, min(count, len(paths))).round().astype(int)
    return [images.read_image(paths[i]).rgb for i in chosen]


def bundled_photos():
    """Three pictures that ship with scikit-image, uint8 RGB."""
    import skimage.data

    return [getattr(skimage.data, name)() for name in _BUNDLED]


def fitted(photos, shape):
    """The middles of photos at one shape (H, W): float32 [N, H, W, 3] in [-1, 1]."""
    return np.stack([_middle(photo, shape) for photo in photos]).astype(np.float32) / 127.5 - 1.0


def _middle(photo, shape):
    height, width = photo.shape[:2]
    scale = min(height / shape[0], width / shape[1])
    rows, columns = round(shape[0] * scale), round(shape[1] * scale)
    top, left = (height - rows) // 2, (width - columns) // 2
    return images.resize(photo[top : top + rows, left : left + columns], shape)
