"""Demo data that may be passed on: crops of public-domain photos, and cel-shaded drawings of `tools/demo_drawings.py`.

Enough to run the whole pipeline end to end in minutes; far too little to train a style worth having.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import skimage.data

from animegan3_tf.common.images import read_image, resize, write_image

DRAWINGS = Path(__file__).parent / "drawings"
# From scikit-image's documentation of the photos inside its wheel; none of them is downloaded.
CREDITS = """\
The photos in this folder are square crops, resized, of pictures that ship with scikit-image (skimage.data).

astronaut  Eileen Collins, NASA Great Images database, https://flic.kr/p/r9qvLn
           public domain, no known copyright restrictions
chelsea    Chelsea the cat, by Stefan van der Walt
           CC0, no copyright restrictions
coffee     a coffee cup, by Rachel Michetti, courtesy of Pikolo Espresso Bar
           CC0, no copyright restrictions
rocket     launch of DSCOVR on Falcon 9, by SpaceX, https://www.flickr.com/photos/spacexphotos/16511594820
           released into the public domain
"""

# name -> (original, left, top, side) in pixels of the original
_TRAINING_CROPS = {
    "astronaut_face": ("astronaut", 152, 52, 146),
    "astronaut_head": ("astronaut", 118, 8, 220),
    "astronaut_bust": ("astronaut", 40, 0, 330),
    "astronaut_left": ("astronaut", 60, 20, 230),
    "astronaut_helmet": ("astronaut", 262, 262, 250),
    "astronaut_suit": ("astronaut", 20, 220, 280),
    "chelsea_eyes": ("chelsea", 110, 40, 230),
    "chelsea_muzzle": ("chelsea", 120, 100, 200),
    "coffee_cup": ("coffee", 130, 0, 290),
    "coffee_saucer": ("coffee", 80, 60, 340),
    "rocket_pad": ("rocket", 170, 130, 290),
    "rocket_tower": ("rocket", 0, 60, 300),
}
_EVALUATION_CROPS = {
    "astronaut": ("astronaut", 88, 0, 276),
    "chelsea": ("chelsea", 60, 0, 300),
    "coffee": ("coffee", 110, 0, 400),
    "rocket": ("rocket", 110, 0, 427),
}
# The astronaut is the one person among the originals: as she was photographed, and as a portrait.
_SHOWN_CROPS = {
    "astronaut": ("astronaut", 0, 0, 512),
    "astronaut_portrait": ("astronaut", 88, 0, 276),
    "chelsea": ("chelsea", 60, 0, 300),
    "coffee": ("coffee", 110, 0, 400),
}


class DemoPhotos(NamedTuple):
    """The files that `demo_photos` wrote.

    Attributes:
        training: The crops to train on.
        evaluation: The photos to look at.
        credits: The text of CREDITS.txt, which names source and licence of every photo.
    """

    training: list[Path]
    evaluation: list[Path]
    credits: str


def demo_photos(folder: Path, size: int = 256) -> DemoPhotos:
    """Writes 12 training crops, 4 photos to look at, and a CREDITS.txt beside each.

    The four are framed differently but come from the same originals: they show a style, they do not measure it.

    Args:
        folder: Folder of the training crops; the four photos go to `<folder>_evaluation`.
        size: Side of the PNGs in pixels.

    Returns:
        The files.
    """
    folder = Path(folder)
    training = _write_crops(folder, _TRAINING_CROPS, size)
    evaluation = _write_crops(folder.with_name(folder.name + "_evaluation"), _EVALUATION_CROPS, size)
    return DemoPhotos(training, evaluation, CREDITS)


def shown_photos(folder: Path, size: int = 384) -> list[Path]:
    """Writes four photos to try a checkpoint on, people first, as size x size PNGs, and CREDITS.txt."""
    return _write_crops(Path(folder), _SHOWN_CROPS, size)


def demo_anime(folder: Path, count: int = 48) -> list[Path]:
    """Writes cel-shaded drawings, three portraits to one landscape, as PNGs of 128x128.

    Args:
        folder: Where the PNGs go.
        count: How many, at most 48.

    Returns:
        The files.
    """
    paths = []
    for drawing in sorted(DRAWINGS.glob("*.jpg"), key=lambda path: path.stem.split("_")[1])[:count]:
        paths.append(Path(folder) / f"{drawing.stem}.png")
        write_image(paths[-1], read_image(drawing).rgb)
    return paths


def _write_crops(folder: Path, crops: dict[str, tuple[str, int, int, int]], size: int) -> list[Path]:
    paths = [folder / f"{name}.png" for name in crops]
    for path, (original, left, top, side) in zip(paths, crops.values()):
        photo = getattr(skimage.data, original)()[top : top + side, left : left + side]
        write_image(path, resize(photo, (size, size)))
    (folder / "CREDITS.txt").write_text(CREDITS, encoding="utf-8")
    return paths
