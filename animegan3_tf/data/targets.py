"""The training targets of photos and anime pictures: what each is made from, how, and where it lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from animegan3_tf.data.balance import balance_settings, balanced
from animegan3_tf.errors import UserError
from animegan3_tf.filters import add_salt, l0_smooth_offline, smooth_edges, superpixels
from animegan3_tf.images import resize
from animegan3_tf.styles import Style

KINDS = ("superpixel", "l0", "smooth")


@dataclass(frozen=True)
class Stage:
    """One kind of target for one source folder.

    function: module-level, (rgb uint8 [H, W, 3], relative name, **parameters) -> rgb uint8 [H, W, 3]; the same
    arguments must always give the same picture. parameters: plain values that JSON can hold.
    """

    name: str
    source: Path
    target: Path
    function: Callable[..., np.ndarray]
    parameters: dict = field(default_factory=dict)


def target_folder(source: str | os.PathLike, kind: str) -> Path:
    """Where the targets of `source` lie: `photo` -> `photo_superpixel`, `photo_l0`; `style` -> `smooth`."""
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    source = Path(source)
    if source.name in ("", ".."):  # "." has no name to build on
        source = source.resolve()
    return source.with_name("smooth" if kind == "smooth" and source.name == "style" else f"{source.name}_{kind}")


def target_name(name: str) -> str:
    """The target's relative name for a source's, both with forward slashes: `a/b.jpg` -> `a/b.png`."""
    return PurePosixPath(name).with_suffix(".png").as_posix()


def photo_targets(
    photos: str | os.PathLike,
    lam: float = 0.02,
    scale: float = 5.0,
    sigma: float = 0.8,
    min_size: int = 50,
    sides: Sequence[int] | None = None,
) -> list[Stage]:
    """The stages for a folder of photos: L0 smoothing with `lam`, Felzenszwalb superpixels with the next three.

    sides: see `to_working_size`.
    """
    if not lam > 0:
        raise UserError(f"the L0 weight lambda is {lam}; give one above 0 (0.005 is light, 0.02 strong)")
    photos = Path(photos)
    sides = list(sides) if sides else None
    segments = {"scale": scale, "sigma": sigma, "min_size": min_size, "sides": sides}
    return [
        Stage("superpixel", photos, target_folder(photos, "superpixel"), superpixel_target, segments),
        Stage("l0", photos, target_folder(photos, "l0"), l0_target, {"lam": lam, "sides": sides}),
    ]


def anime_targets(
    anime: str | os.PathLike, salt: float = 0.0, sides: Sequence[int] | None = None, balance: dict | None = None
) -> list[Stage]:
    """The stage for a folder of anime pictures: edges smoothed, then the fraction `salt` of pixels made white.

    sides: see `to_working_size`. balance: see `balance.balance_settings`.
    """
    if not 0 <= salt <= 1:
        raise UserError(f"salt is {salt}; give a fraction of the pixels between 0 and 1")
    anime = Path(anime)
    parameters = {"salt": salt, "sides": list(sides) if sides else None}
    if balance is not None:  # not recorded otherwise, so that what was made before there was a balance stays current
        parameters["balance"] = balance
    return [Stage("smooth", anime, target_folder(anime, "smooth"), smooth_target, parameters)]


def style_targets(style: Style, photos: str | os.PathLike, anime: str | os.PathLike) -> list[Stage]:
    """Every stage for training a style: smoothed anime, and if it has a region target, both kinds of the photos.

    With `data.balance = "mean"` the anime folder's colours are measured, unless its manifest has them, or its shards
    hold pictures balanced like that already.
    """
    sides = style.data.sides
    regions = photo_targets(photos, style.target.region_l0_lambda, sides=sides)
    smooth = anime_targets(anime, style.data.salt, sides, balance_settings(style.data.balance, anime))
    return smooth if style.target.region_target == "none" else [*regions, *smooth]


def to_working_size(rgb: np.ndarray, sides: Sequence[int] | None) -> np.ndarray:
    """The picture with its short side brought into `sides`, (least, most) pixels; None leaves it as it is.

    Crops for training are cut from this size, and targets are made at it: made larger and reduced afterwards, smoothed
    edges would be sharp again, salt grey and superpixels too many.
    """
    if sides is None:
        return rgb
    short = min(rgb.shape[:2])
    scale = min(max(short, sides[0]), sides[1]) / short
    return resize(rgb, tuple(round(side * scale) for side in rgb.shape[:2]))


def working_picture(
    rgb: np.ndarray, name: str, sides: Sequence[int] | None = None, balance: dict | None = None
) -> np.ndarray:
    """The picture itself, at the size that its targets are made at, and balanced as they are."""
    return balanced(to_working_size(rgb, sides), balance)


def superpixel_target(
    rgb: np.ndarray, name: str, scale: float, sigma: float, min_size: int, sides: Sequence[int] | None = None
) -> np.ndarray:
    """Every superpixel in its mean colour."""
    return superpixels(to_working_size(rgb, sides), scale=scale, sigma=sigma, min_size=min_size)


def l0_target(rgb: np.ndarray, name: str, lam: float, sides: Sequence[int] | None = None) -> np.ndarray:
    """Flat areas and sharp steps, by L0 gradient minimisation."""
    smoothed = l0_smooth_offline(to_working_size(rgb, sides).astype(np.float32) / 255, lam)
    return np.round(np.clip(smoothed, 0, 1) * 255).astype(np.uint8)


def smooth_target(
    rgb: np.ndarray, name: str, salt: float, sides: Sequence[int] | None = None, balance: dict | None = None
) -> np.ndarray:
    """Anime without its crisp ink, as balanced: what the discriminator must learn to refuse."""
    smoothed = smooth_edges(working_picture(rgb, name, sides, balance))
    if not salt:
        return smoothed
    # Seeded by the name: each picture has its own salt, and a rebuild has the same.
    seed = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big")
    return add_salt(smoothed, salt, np.random.default_rng(seed))
