"""The commands on models: stylize, export, info, import."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Optional

import typer

from animegan3_tf.commands.options import (
    MAX_PIXELS,
)
from animegan3_tf.errors import UserError

_MODEL_HELP = (
    "Run folder, weights (.h5), published .pb, .onnx or TF.js, SavedModel, .tflite, or a name of `animegan3 models`; "
    "portrait by default."
)


def stylize(
    inputs: list[Path] = typer.Argument(..., help="Photos and folders of photos."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the results, or a picture file for one photo."),
    model: Optional[Path] = typer.Option(None, help=_MODEL_HELP),
    format: Optional[str] = typer.Option(None, help="png, jpg or webp; by default each photo's own."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Let results replace their own photos."),
    size: Optional[int] = typer.Option(
        None, help="Longest side that the network sees of a photo, 0 for the photo's own; the checkpoint's by default."
    ),
    full_size: bool = typer.Option(
        True, "--full-size/--network-size", help="Enlarge results to their photos' sizes, or leave them as drawn."
    ),
    face: Optional[bool] = typer.Option(
        None, "--face/--no-face", help="Draw each face again on its own, or do not; the checkpoint decides by default."
    ),
    face_size: Optional[int] = typer.Option(
        None, help="Side of the crops in which faces are drawn; the checkpoint's by default."
    ),
    keep_colors: str = typer.Option(
        "none", help="Give each region of a drawing the photo's colour (region), or leave the model's (none)."
    ),
    max_pixels: int = MAX_PIXELS,
):
    """Turn photos into anime. A photo that cannot be read gives one line; the rest goes on, and the status is 1."""
    from animegan3_tf.checkpoints import default_checkpoint
    from animegan3_tf.photo_stylizer import open_photo_stylizer
    from animegan3_tf.progress import progress
    from animegan3_tf.stylize import stylize_files

    stylizer = open_photo_stylizer(
        model or default_checkpoint().weights,
        size=size,
        full_size=full_size,
        faces=face,
        face_size=face_size,
        keep_colors=keep_colors,
    )
    if stylizer.warning:
        print(f"animegan3: {stylizer.warning}", file=sys.stderr)
    errors = []
    with progress("stylising") as advance:

        def on_progress(done, total, photo, error):
            advance(done, total, photo.name)
            if error is not None:
                errors.append(error)

        report = stylize_files(
            inputs, out, stylizer, max_pixels=max_pixels, suffix=format, overwrite=overwrite, on_progress=on_progress
        )
    for error in errors:
        print(f"animegan3: {error}", file=sys.stderr)
    print(f"{report.written:,} pictures written to {out}, {len(report.failures):,} failed")
    if found := stylizer.faces_found:
        print(f"faces drawn again: {sum(found):,}, in {sum(map(bool, found)):,} of {len(found):,} photos")
    print(f"terms of the weights: {stylizer.terms}")
    if report.failures:
        raise typer.Exit(1)


def models(as_json: bool = typer.Option(False, "--json", help="Print JSON.")):
    """List the checkpoints that come with the project; every command that takes a model takes their names."""
    from animegan3_tf.checkpoints import shipped_checkpoints
    from animegan3_tf.terms import terms_of

    found = [one.to_dict() for one in shipped_checkpoints()]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    if not found:
        print("no checkpoint is shipped with this version")
    for number, one in enumerate(found):  # the default is first
        described = [one.get("architecture"), f"step {one['step']:,}" if one.get("step") else None, one.get("created")]
        told = ", ".join(filter(None, [*described, f"{one['bytes'] / 1e6:.1f} MB"]))
        print(f"{one['name']}{' (default)' if number == 0 else ''}: {told}\n    {one['card'] or one['weights']}")
        print(f"    terms: {terms_of(one)}")


def export(
    model: Path = typer.Argument(
        ..., help="Run folder, weights (.h5), published file, or a name of `animegan3 models`."
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the files and export.json, which describes them."),
    formats: str = typer.Option("saved_model,tflite", "--format", help="Of saved_model, tflite and onnx."),
    sizes: str = typer.Option("256", "--size", help="Sides of the .tflite files' pictures, multiples of 8."),
    precisions: str = typer.Option("float32", "--precision", help="Of float32, float16, dynamic, int8: .tflite files."),
    calibrate: Optional[Path] = typer.Option(None, help="Folder of photos that int8 is fitted to; it needs some."),
    photos: Optional[Path] = typer.Option(None, help="Folder of photos to compare on; three bundled ones by default."),
    litert: Optional[Path] = typer.Option(
        None, help="A Python that has ai-edge-litert, to run the .tflite files with."
    ),
    name: Optional[str] = typer.Option(None, help="The model's name in the files; by default that of its style."),
    version: Optional[str] = typer.Option(None, help="Its version; by default the training step's."),
    author: Optional[str] = typer.Option(None, help="Who made it."),
    license: Optional[str] = typer.Option(None, help="What it may be used for."),
    trained_on: Optional[str] = typer.Option(None, help="The pictures it was trained on, and whose they are."),
):
    """Write the deployed generator as SavedModel, TFLite and ONNX, each run and compared with the Keras model."""
    from animegan3_tf.export import ExportPlan, export_generator
    from animegan3_tf.export.export import REPORT
    from animegan3_tf.terms import terms_of

    card = {"name": name, "version": version, "author": author, "license": license, "trained_on": trained_on}
    plan = ExportPlan(
        formats=_listed(formats),
        sizes=tuple(_integer("--size", text) for text in _listed(sizes)),
        precisions=_listed(precisions),
        calibrate=calibrate,
        photos=photos,
        litert=litert,
        card=card,
    )

    def show(file):
        print(f"{file.path.name:34}{file.bytes / 1e6:6.2f} MB  {file.comparison}", flush=True)

    files = export_generator(model, out, plan, show)
    runtimes = ", ".join(sorted({file.told["runtime"] for file in files}))
    print(f"{len(files)} files written to {out}, compared by {runtimes}; {REPORT} has the details")
    print(f"terms of the weights: {terms_of(json.loads((out / REPORT).read_text(encoding='utf-8'))['model'])}")


def info(
    model: Path = typer.Argument(..., help="Weights, state, run folder, published file; SavedModel, .tflite or .onnx."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
):
    """Print what a file of this project says of itself."""
    from animegan3_tf.info import describe_model

    values = describe_model(model)
    if as_json:
        print(json.dumps(values, indent=2, default=str))
        return
    width = max(map(len, values)) + 2
    for key, value in values.items():
        print(f"{key:{width}}{value}")


def import_(
    source: list[str] = typer.Argument(
        ...,
        metavar="[ARCH] FILE",
        help="A frozen graph (.pb), .onnx, TF.js folder or model.json, or TensorFlow 1 checkpoint (its prefix or "
        "folder); before it the architecture, which is found out otherwise.",
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Weights file (.h5) to write."),
    batch_norm: str = typer.Option(
        "inference", help="Of animegan3's checkpoints: what its authors' inference graph computes, or the trained one."
    ),
):
    """Convert a generator that the AnimeGAN authors published to a weights file, for stylize, export and --init."""
    from animegan3_tf.lineage import import_generator

    *architecture, path = source
    if len(architecture) > 1:
        raise UserError(f"import takes one file, with its architecture before it, not {' '.join(source)}")
    published = import_generator(architecture[0] if architecture else None, path, out, batch_norm)
    parameters = sum(weight.shape.num_elements() for weight in published.model.trainable_weights)
    print(f"{out}: {published.architecture}, {parameters:,} parameters")


def _listed(text):
    """The words of a list with commas, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _integer(option, text):
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not a number; write it as {option} 256,512") from None
