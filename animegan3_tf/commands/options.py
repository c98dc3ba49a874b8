"""Options that several commands share, and the functions that resolve them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.trust import trusted

if TYPE_CHECKING:
    from animegan3_tf.styles import Style

DEFAULT_MAX_PIXELS = 100_000_000  # as in images.py, which would load OpenCV
# metavar: a narrower column of types, so that no word of a help text is cut on a terminal of 80 columns
MAX_PIXELS = typer.Option(DEFAULT_MAX_PIXELS, help="Refuse images with more pixels.", min=256, metavar="<int>")
CACHE = typer.Option(
    Path("~/.cache/animegan3_tf/features"),
    show_default=False,
    help="Folder that keeps the features of each image; by default features in ~/.cache/animegan3_tf",
)
DISTANCE = typer.Option(
    None,
    help="Compare images with photos by lpips, lpips-vgg or resnet18[:FILE]; by default by LPIPS where `animegan3 "
    "networks get lpips` keeps it, else by the ResNet-18, if there is one.",
)
METRICS = typer.Option(
    None,
    help="Measure these only: fid, fid-infinity, kid, artfid, lpips, ssim, color, edges, flat, likeness, face, "
    "identity, eyes, skin, or keys of results.csv, with commas between; all by default.",
)
REPLICATES = typer.Option(
    100, help="Number of bootstrap replicates for the intervals; 0 for no intervals.", min=0, metavar="<int>"
)
SEED = typer.Option(0, help="Seed of the intervals and extrapolations.", min=0, metavar="<int>")
STYLE = typer.Option("shinkai", help="Name of a bundled style, or a .toml file.")
PHOTOS = typer.Option(None, help="Folder of photos, instead of DATA/photo.")
ANIME = typer.Option(None, help="Folder of anime images, instead of DATA/<style>/style.")
PAIRS = typer.Option(
    [],
    help="Folder of pairs, for a style that learns from them: photo/ and anime/ hold images of the same names; may be "
    "given again.",
)


def _trust(context: typer.Context, trust: bool) -> None:
    """Trusts model files until the command ends."""
    if trust:
        context.with_resource(trusted())


# commands that open models have it and need not look at it: its callback does what it says
TRUST = typer.Option(
    False,
    "--trust",
    help="Open model files that may read and write files, or crash, for whoever made them is trusted.",
    callback=_trust,
)
IMAGE_SIZE = typer.Option(None, help="Side of the training crops in pixels; the style's by default.")


def folders_of(data: Path, style: Style, photos: Path | None, anime: Path | None) -> tuple[Path, Path]:
    """Finds the folders of an unpaired style's images.

    Args:
        data: Folder with photo/ and STYLE/style/.
        style: The style.
        photos: Folder of photos in place of data/photo, or None.
        anime: Folder of anime images in place of data/STYLE/style, or None.

    Returns:
        The folder of photos and the folder of anime images.

    Raises:
        UserError: A folder does not exist.
    """
    photos = photos or data / "photo"
    anime = anime or data / style.name / "style"
    for folder, option, what in ((photos, "--photos", "photos"), (anime, "--anime", f"{style.name} images")):
        if not folder.is_dir():
            raise UserError(f"{what} are missing: {str(folder)!r} is not a folder; put them there or give {option} DIR")
    return photos, anime


def sources_of(
    data: Path, style: Style, photos: Path | None, anime: Path | None, pairs: Sequence[Path]
) -> tuple[str | None, str | None, tuple[str, ...] | None]:
    """Finds the folders that a run learns from.

    `RunConfiguration` checks whether they fit the style, such as pairs for an unpaired one.

    Args:
        data: As for `folders_of`.
        style: The style.
        photos: As for `folders_of`.
        anime: As for `folders_of`.
        pairs: Folders of pairs.

    Returns:
        The folder of photos, that of anime images and those of pairs, as text for `RunConfiguration`; None for those
        that are not named.

    Raises:
        UserError: A folder that the style needs is missing.
    """
    if style.objective == "unpaired" and not pairs:
        photos, anime = folders_of(data, style, photos, anime)
    elif style.objective == "pairs" and not pairs and (photos is None or anime is None):
        from animegan3_tf.training.configuration import no_pairs

        raise UserError(no_pairs(style.name))
    named = [None if folder is None else str(folder) for folder in (photos, anime)]
    return named[0], named[1], tuple(map(str, pairs)) or None


def recipe_of(style: Style | str, settings: Sequence[str], options: Mapping[str, Any]) -> Style:
    """Applies the command line's settings to a style.

    Args:
        style: The style, its name or its file.
        settings: Texts "key=value" of --set.
        options: Values of other options by key, which are of many types and come before `settings`; None leaves the
            style's value.

    Raises:
        UserError: The style, a key or a value is unknown.
    """
    from animegan3_tf.styles import Style, load_style, override

    given = {key: value for key, value in options.items() if value is not None}
    style = style if isinstance(style, Style) else load_style(style)
    return override(style, {**dict(_assignment(text) for text in settings), **given})


def _assignment(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text!r} has no '='; write --set key=value, such as --set loss.identity=1.0")
    return key.strip(), value.strip()
