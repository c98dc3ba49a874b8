"""Colour balance of the anime images, so that a style's ink and shading are learnt and not the cast of its film."""

from __future__ import annotations

import os

import cv2
import numpy as np

from animegan3_tf.data.colors import folder_colors
from animegan3_tf.data.shard_folder import PICTURE, is_shard_folder, shard_stages
from animegan3_tf.images import DEFAULT_MAX_PIXELS


def balance_settings(how: str, anime: str | os.PathLike, max_pixels: int = DEFAULT_MAX_PIXELS) -> dict | None:
    """Finds the settings of `balanced` for a folder of anime images.

    Args:
        how: "mean" adds one number to each channel of every image, so that over the folder red, green and blue have
            the same mean, as AnimeGAN and AnimeGANv2 do. "equalize" spreads each image's brightness over all levels.
            "none" leaves the images as they are.
        anime: Folder of images or of shards. The images in shards are balanced already, and the folder records the
            numbers.
        max_pixels: Images with more are left out of the mean.

    Returns:
        None for "none"; {"how": "equalize"}; or {"how": "mean", "shift": three whole levels to add}. Whole levels
        rarely change when the folder gains or loses an image, so targets stay current. "shift" is None for shards
        that are not balanced by their mean; `ShardImages` refuses those.
    """
    if how == "none":
        return None
    if how == "equalize":
        return {"how": how}
    if is_shard_folder(anime):
        made = shard_stages(anime)[PICTURE].get("balance") or {}
        return {"how": how, "shift": made.get("shift")}
    means = np.array(folder_colors(anime, max_pixels=max_pixels)["mean"])
    return {"how": how, "shift": [round(float(level)) for level in means.mean() - means]}


def balanced(rgb: np.ndarray, settings: dict | None) -> np.ndarray:
    """Returns a uint8 image [H, W, 3] with its colours balanced; `settings` are those of `balance_settings`."""
    if settings is None:
        return rgb
    if settings["how"] == "mean":
        return np.clip(rgb.astype(np.int16) + np.array(settings["shift"], np.int16), 0, 255).astype(np.uint8)
    yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)
    yuv[..., 0] = cv2.equalizeHist(yuv[..., 0])
    return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)
