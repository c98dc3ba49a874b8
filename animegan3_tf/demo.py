"""The demo: stylises bundled photos with a shipped checkpoint, or trains a small style on bundled data first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from animegan3_tf.common import images
from animegan3_tf.common.console import say
from animegan3_tf.common.errors import UserError
from animegan3_tf.data.demo import demo_anime, demo_photos, shown_photos
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets
from animegan3_tf.models.checkpoints import ShippedCheckpoint
from animegan3_tf.reports.training import write_run_page
from animegan3_tf.styles import load_style
from animegan3_tf.stylizer.files import stylize_files
from animegan3_tf.stylizer.model import load_stylizer
from animegan3_tf.stylizer.photos import open_photo_stylizer
from animegan3_tf.training.run import RunConfiguration, train
from animegan3_tf.training.run_files import states

PRETRAIN_STEPS, STEPS = 50, 150
PHOTO_SIZE = 256
SHOWN_SIZE = 384
GRID_SIZE = 128  # the networks are convolutional: trained on 64x64 crops, shown larger


def stylize_demo(out: str | os.PathLike, checkpoint: ShippedCheckpoint, show: Callable[[str], None] = say) -> Path:
    """Stylises four bundled photos as the command `stylize` does.

    Args:
        out: Folder of the results: `photo/`, `stylised/` and `stylised.png`.
        checkpoint: The model.
        show: Called with each line for the user.

    Returns:
        The path of a PNG with the photos in its upper row and the results in its lower row.
    """
    out = Path(out)
    photos = shown_photos(out / "photo", SHOWN_SIZE)
    show(f"stylising {len(photos)} photos with {checkpoint.name}, described in {checkpoint.folder / 'card.md'}")
    anime, stylizer = out / "stylised", open_photo_stylizer(checkpoint.weights)
    stylize_files(photos, anime, stylizer, overwrite=True)
    sheet = out / "stylised.png"
    rows = photos, [anime / path.name for path in photos]
    images.write_image(sheet, images.grid([[images.read_image(path).rgb for path in row] for row in rows]))
    show(f"terms of the weights: {stylizer.terms}")
    show("photos above, anime below:")
    return sheet


def train_demo(out: str | os.PathLike, show: Callable[[str], None] = say) -> Path | None:
    """Trains the style "demo" and stylises four photos that it was not trained on.

    An interrupted demo goes on where it stopped.

    Args:
        out: Folder of the results: `data/`, `run/` and `anime/`.
        show: Called with each line for the user.

    Returns:
        The path of a PNG whose columns are photo, support tail and main tail.

    Raises:
        UserError: The training cannot start, or a signal stopped it.
    """
    out, style = Path(out), load_style("demo")
    photos, anime = out / "data" / "photo", out / "data" / "demo" / "style"
    show(f"copying drawings and cropping photos into {out / 'data'}")
    photo_sets = demo_photos(photos, size=PHOTO_SIZE)
    demo_anime(anime)
    prepare(style_targets(style, photos, anime), jobs=os.cpu_count() or 1)
    configuration = RunConfiguration(
        style=style,
        photos=str(photos),
        anime=str(anime),
        perceptual="random",
        steps=STEPS,
        pretrain_steps=PRETRAIN_STEPS,
        samples=str(photo_sets.evaluation[0].parent),
        sample_size=GRID_SIZE,
        sample_every=STEPS,
        checkpoint_every=STEPS,
    )
    show(f"training {STEPS} steps at {style.data.image_size}x{style.data.image_size}")
    run = out / "run"
    try:
        result = train(configuration, run, resume=bool(states(run)), show=show, write_page=write_run_page)
    except UserError as error:
        raise UserError(f"{error}; or remove {str(run)!r} to start the demo afresh") from error
    if result.stopped_by is not None:
        raise UserError(f"the demo stopped at step {result.step} and is saved; run it again to go on")
    stylize_files(photo_sets.evaluation, out / "anime", load_stylizer(run))
    show(f"stylised photos: {out / 'anime'}")
    show("photo | support | main:")
    return result.grid
