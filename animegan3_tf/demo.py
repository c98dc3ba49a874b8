"""Bundled photos to anime by a shipped checkpoint, or the whole path: draw, prepare, train, stylise."""

from __future__ import annotations

import os
from pathlib import Path

from animegan3_tf import images
from animegan3_tf.data.demo import demo_anime, demo_photos, shown_photos
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.targets import style_targets
from animegan3_tf.errors import UserError
from animegan3_tf.photo_stylizer import open_photo_stylizer
from animegan3_tf.styles import load_style
from animegan3_tf.stylize import stylize_files
from animegan3_tf.stylizer import load_stylizer
from animegan3_tf.training.run import RunConfiguration, train
from animegan3_tf.training.run_files import states

PRETRAIN_STEPS, STEPS = 50, 150
PHOTO_SIZE = 256
SHOWN_SIZE = 384
GRID_SIZE = 128  # the networks are convolutional: trained on 64x64 crops, looked at larger


def stylize_demo(out, checkpoint, show=print):
    """Stylises four bundled photos into `out`/stylised; returns the path of a PNG, photos above results.

    checkpoint: a `ShippedCheckpoint`; it is used as `stylize` uses it, faces drawn again where it says so.
    """
    out = Path(out)
    photos = shown_photos(out / "photo", SHOWN_SIZE)
    show(f"stylising {len(photos)} photos with {checkpoint.name}; what it can do: {checkpoint.folder / 'card.md'}")
    anime, stylizer = out / "stylised", open_photo_stylizer(checkpoint.weights)
    stylize_files(photos, anime, stylizer, overwrite=True)
    sheet = out / "stylised.png"
    rows = photos, [anime / path.name for path in photos]
    images.write_image(sheet, images.grid([[images.read_image(path).rgb for path in row] for row in rows]))
    show(f"terms of the weights: {stylizer.terms}\nphotos above, anime below:")
    return sheet


def train_demo(out, show=print):
    """Trains the style "demo" below `out` and stylises four photos it was not trained on.

    Writes `data/`, `run/` and `anime/`; an interrupted demo goes on where it stopped. Returns the path of a PNG whose
    columns are photo, support tail and main tail.
    """
    out, style = Path(out), load_style("demo")
    photos, anime = out / "data" / "photo", out / "data" / "demo" / "style"
    show(f"drawing anime pictures and cropping photos into {out / 'data'}")
    pictures = demo_photos(photos, size=PHOTO_SIZE)
    demo_anime(anime)
    prepare(style_targets(style, photos, anime), jobs=os.cpu_count() or 1)
    configuration = RunConfiguration(
        style=style,
        photos=str(photos),
        anime=str(anime),
        perceptual="random",
        steps=STEPS,
        pretrain_steps=PRETRAIN_STEPS,
        samples=str(pictures.evaluation[0].parent),
        sample_size=GRID_SIZE,
        sample_every=STEPS,
        checkpoint_every=STEPS,
    )
    show(f"training {STEPS} steps at {style.data.image_size}x{style.data.image_size}")
    run = out / "run"
    try:
        result = train(configuration, run, resume=bool(states(run)), show=show)
    except UserError as error:
        raise UserError(f"{error}; or remove {str(run)!r} to start the demo afresh") from error
    if result.stopped_by is not None:
        raise UserError(f"demo stopped at step {result.step}, saved; run it again to go on")
    stylize_files(pictures.evaluation, out / "anime", load_stylizer(run))
    show(f"stylised photos: {out / 'anime'}\nphoto | support | main:")
    return result.grid
