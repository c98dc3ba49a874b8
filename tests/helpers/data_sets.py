"""A data set with one of everything that an inspection tells of."""

import os
import shutil

import numpy as np
from PIL import Image

from animegan3_tf.common.images import resize, write_image
from helpers.prepared_folders import picture
from helpers.tiny_training import TINY_TOML


def data_set(folder):
    """`photo/`, `tiny/style/` and `tiny.toml` below a folder: 8 photos, 3 of them fine, and 4 dark anime pictures."""
    photos, anime = folder / "photo", folder / "tiny" / "style"
    for i in range(3):
        write_image(photos / f"{i}.png", resize(picture(i), (96, 96 + 64 * i)))
    shutil.copy(photos / "0.png", photos / "again.png")
    Image.fromarray(resize(picture(5), (96, 96))).convert("L").save(photos / "grey.png")
    barred = resize(picture(6), (96, 96))
    barred[:12] = barred[-12:] = 0
    write_image(photos / "barred.png", barred)
    (photos / "broken.jpg").write_bytes(b"<b>no picture")
    with open(os.path.join(os.fsencode(photos), b"caf\xe9 <i>.png"), "wb") as file:
        Image.fromarray(resize(picture(7), (96, 96))).save(file, format="PNG")
    for i in range(3):
        write_image(
            anime / f"{i}.png", (resize(picture(20 + i), (64, 64)) * np.float32([0.6, 0.3, 0.3])).astype(np.uint8)
        )
    shutil.copy(photos / "1.png", anime / "photo.png")
    (folder / "tiny.toml").write_text(TINY_TOML)
    return photos, anime
