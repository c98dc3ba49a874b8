"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import typer

from animegan3_tf.errors import UserError

DEFAULT_MAX_PIXELS = 100_000_000  # of images.py, which would load OpenCV
MAX_PIXELS = typer.Option(DEFAULT_MAX_PIXELS, help="Refuse pictures with more pixels than this.", min=256)
CACHE = typer.Option(Path("~/.cache/animegan3_tf/features"), help="Folder that keeps the features of each picture.")
STYLE = typer.Option("shinkai", help="Name of a bundled style, or a .toml file.")
PHOTOS = typer.Option(None, help="Photos, instead of DATA/photo.")
ANIME = typer.Option(None, help="Anime pictures, instead of DATA/<style>/style.")
PAIRS = typer.Option(
    [], help="Folder of pairs, for a style that learns from them: photo/ and anime/ of like names; may be given again."
)
IMAGE_SIZE = typer.Option(None, help="Side of the training crops; the style's by default.")


def folders_of(data, style, photos, anime):
    """The photo and anime folders, or one line on what is missing and how to get it."""
    photos = photos or data / "photo"
    anime = anime or data / style.name / "style"
    for folder, option, what in ((photos, "--photos", "photos"), (anime, "--anime", f"{style.name} pictures")):
        if not folder.is_dir():
            raise UserError(f"{what} are missing: {str(folder)!r} is not a folder; put them there or give {option} DIR")
    return photos, anime


def sources_of(data, style, photos, anime, pairs):
    """(photos, anime, pairs) of a run as text, None where they are not named; one line where what it needs is missing.

    pairs: any number of folders.

    What else does not fit, such as pairs for a style that learns without, `RunConfiguration` tells of.
    """
    if style.objective == "unpaired" and not pairs:
        photos, anime = folders_of(data, style, photos, anime)
    elif style.objective == "pairs" and not pairs and (photos is None or anime is None):
        from animegan3_tf.training.configuration import no_pairs

        raise UserError(no_pairs(style.name))
    photos, anime = (None if folder is None else str(folder) for folder in (photos, anime))
    return photos, anime, tuple(map(str, pairs)) or None


def recipe_of(style, settings, options):
    """The style, a `Style` or what `load_style` takes, with --set and the options that were given."""
    from animegan3_tf.styles import Style, load_style, override

    given = {key: value for key, value in options.items() if value is not None}
    style = style if isinstance(style, Style) else load_style(style)
    return override(style, {**dict(_assignment(text) for text in settings), **given})


def _assignment(text):
    key, equals, value = text.partition("=")
    if not equals:
        raise UserError(f"--set {text!r} has no '='; write --set key=value, such as --set loss.identity=1.0")
    return key.strip(), value.strip()
