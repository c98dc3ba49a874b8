"""Colour balance of the anime pictures, so that a style's ink and shading are learnt and not the cast of its film."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from animegan3_tf.data.colors import folder_colors
from animegan3_tf.data.shard_folder import PICTURE, is_shard_folder, shard_stages
from animegan3_tf.images import DEFAULT_MAX_PIXELS


def balance_settings(how: str, anime: str | Path, max_pixels: int = DEFAULT_MAX_PIXELS) -> dict | None:
    """What `balanced` needs for a folder of anime pictures, in plain values; None for "none".

    how: "mean" adds one number to each channel of every picture, so that over the folder red, green and blue have the
    same mean, as AnimeGAN and AnimeGANv2 do; "equalize" spreads each picture's brightness over all levels; "none".
    The numbers are whole levels: one picture more or less rarely changes them, and what was made with them.
    A folder of shards holds balanced pictures, and tells the numbers; None in their place where it is balanced
    otherwise, which `ShardPictures` refuses.
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
    """A uint8 picture [H, W, 3] balanced as `balance_settings` says."""
    if settings is None:
        return rgb
    if settings["how"] == "mean":
        return np.clip(rgb.astype(np.int16) + np.array(settings["shift"], np.int16), 0, 255).astype(np.uint8)
    yuv = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV)
    yuv[..., 0] = cv2.equalizeHist(yuv[..., 0])
    return cv2.cvtColor(yuv, cv2.COLOR_YUV2RGB)
