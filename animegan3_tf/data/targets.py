"""The training targets of photos and anime images: how each is made from its source, and where it lies."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import StrPath
from animegan3_tf.common.images import resize, short_side_size
from animegan3_tf.data.colors import balance_settings, balanced
from animegan3_tf.filters import add_salt, l0_smooth_offline, smooth_edges, superpixels

if TYPE_CHECKING:  # a worker that makes targets has no use for style files, whose models are slow to build
    from animegan3_tf.styles import Style

KINDS = ("superpixel", "l0", "smooth")


@dataclass(frozen=True)
class Stage:
    """One kind of target for one source folder.

    Attributes:
        name: The kind.
        source: The folder of the source images.
        target: The folder of the targets.
        function: A module-level function (rgb uint8 [H, W, 3], relative name, **parameters) -> rgb uint8 [H, W, 3].
            The same arguments must always give the same image.
        parameters: Its keyword arguments, plain values that JSON can hold.
    """

    name: str
    source: Path
    target: Path
    function: Callable[..., np.ndarray]
    parameters: dict = field(default_factory=dict)

    @property
    def function_name(self) -> str:
        """The function's full name, for records."""
        return f"{self.function.__module__}.{self.function.__qualname__}"


def target_folder(source: StrPath, kind: str) -> Path:
    """Names the folder of a source's targets: `photo` -> `photo_superpixel`, `photo_l0`; `style` -> `smooth`.

    Args:
        source: The folder of the source images.
        kind: One of `KINDS`.

    Returns:
        The folder, beside the source.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    source = Path(source)
    if source.name in ("", ".."):  # "." has no name to build on
        source = source.resolve()
    return source.with_name("smooth" if kind == "smooth" and source.name == "style" else f"{source.name}_{kind}")


def target_name(name: str) -> str:
    """Returns the target's relative name for a source's, both with forward slashes: `a/b.jpg` -> `a/b.png`."""
    return PurePosixPath(name).with_suffix(".png").as_posix()


def photo_targets(
    photos: StrPath,
    lam: float = 0.02,
    scale: float = 5.0,
    sigma: float = 0.8,
    min_size: int = 50,
    sides: Sequence[int] | None = None,
) -> list[Stage]:
    """Makes the stages for a folder of photos: superpixels and L0 smoothing.

    Args:
        photos: The folder.
        lam: Weight of the L0 smoothing (`l0_smooth_offline`).
        scale: Felzenszwalb's scale of the superpixels; higher means larger regions.
        sigma: Blur before the segmentation, in pixels.
        min_size: Least number of pixels of a superpixel.
        sides: See `to_working_size`.

    Returns:
        The stages "superpixel" and "l0".

    Raises:
        UserError: `lam` is not above 0.
    """
    if not lam > 0:
        raise UserError(f"the L0 weight lambda is {lam}; give one above 0 (0.005 is light, 0.02 strong)")
    photos, sides = Path(photos), list(sides) if sides else None
    segments = {"scale": scale, "sigma": sigma, "min_size": min_size, "sides": sides}
    return [
        Stage("superpixel", photos, target_folder(photos, "superpixel"), superpixel_target, segments),
        Stage("l0", photos, target_folder(photos, "l0"), l0_target, {"lam": lam, "sides": sides}),
    ]


def anime_targets(
    anime: StrPath, salt: float = 0.0, sides: Sequence[int] | None = None, balance: dict | None = None
) -> list[Stage]:
    """Makes the stage for a folder of anime images: edges are smoothed, then some pixels made white.

    Args:
        anime: The folder.
        salt: Fraction of the pixels that become white, 0 to 1.
        sides: See `to_working_size`.
        balance: See `balance.balance_settings`.

    Returns:
        The stage "smooth", as a list.

    Raises:
        UserError: `salt` is not a fraction.
    """
    if not 0 <= salt <= 1:
        raise UserError(f"salt is {salt}; give a fraction of the pixels between 0 and 1")
    anime = Path(anime)
    parameters: dict[str, object] = {"salt": salt, "sides": list(sides) if sides else None}
    if balance is not None:  # not recorded otherwise, so that targets from before there was a balance stay current
        parameters["balance"] = balance
    return [Stage("smooth", anime, target_folder(anime, "smooth"), smooth_target, parameters)]


def style_targets(style: Style, photos: StrPath, anime: StrPath) -> list[Stage]:
    """Makes every stage for training a style.

    With `data.balance = "mean"` the anime folder's colours are measured, unless its manifest has them, or its shards
    hold images that are balanced already.

    Args:
        style: The style.
        photos: Folder of the photos.
        anime: Folder of the anime images.

    Returns:
        The stages of `photo_targets`, if the style has a region target, then that of `anime_targets`.
    """
    sides = style.data.sides
    regions = photo_targets(photos, style.target.region_l0_lambda, sides=sides)
    smooth = anime_targets(anime, style.data.salt, sides, balance_settings(style.data.balance, anime))
    return smooth if style.target.region_target == "none" else [*regions, *smooth]


def to_working_size(rgb: np.ndarray, sides: Sequence[int] | None) -> np.ndarray:
    """Resizes an image to the size at which crops are cut and targets are made.

    Targets that were made larger and reduced afterwards would have sharp edges again, grey salt and too many
    superpixels.

    Args:
        rgb: uint8 [H, W, 3].
        sides: Least and most pixels of the short side; None leaves the image as it is.

    Returns:
        uint8 [h, w, 3].
    """
    if sides is None:
        return rgb
    short = min(max(min(rgb.shape[:2]), sides[0]), sides[1])
    return resize(rgb, short_side_size(rgb.shape, short))


def working_picture(
    rgb: np.ndarray, name: str, sides: Sequence[int] | None = None, balance: dict | None = None
) -> np.ndarray:
    """Returns the image itself, at the size and with the colour balance of its targets."""
    return balanced(to_working_size(rgb, sides), balance)


def superpixel_target(
    rgb: np.ndarray, name: str, scale: float, sigma: float, min_size: int, sides: Sequence[int] | None = None
) -> np.ndarray:
    """Paints every superpixel in its mean colour."""
    return superpixels(to_working_size(rgb, sides), scale=scale, sigma=sigma, min_size=min_size)


def l0_target(rgb: np.ndarray, name: str, lam: float, sides: Sequence[int] | None = None) -> np.ndarray:
    """Flattens areas between sharp steps, by L0 gradient minimisation."""
    smoothed = l0_smooth_offline(to_working_size(rgb, sides).astype(np.float32) / 255, lam)
    return np.round(np.clip(smoothed, 0, 1) * 255).astype(np.uint8)


def smooth_target(
    rgb: np.ndarray, name: str, salt: float, sides: Sequence[int] | None = None, balance: dict | None = None
) -> np.ndarray:
    """Smooths the edges of anime, after its balance: images without crisp ink, fakes for the discriminator."""
    smoothed = smooth_edges(working_picture(rgb, name, sides, balance))
    if not salt:
        return smoothed
    # Seeded by the name: each image has its own salt, and has it again when it is made anew.
    seed = int.from_bytes(hashlib.sha256(os.fsencode(name)).digest()[:8], "big")
    return add_salt(smoothed, salt, np.random.default_rng(seed))
