"""The commands on models: stylize, models, export, info, import."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from animegan3_tf.commands import print_problems
from animegan3_tf.commands.options import MAX_PIXELS, TRUST
from animegan3_tf.common.console import say, say_json
from animegan3_tf.common.errors import UserError, quote
from animegan3_tf.common.files import read_json
from animegan3_tf.models.checkpoints import WEIGHTS, by_name
from animegan3_tf.models.model import WEIGHTS_KIND, accepted, kind_of, no_model
from animegan3_tf.models.weights_file import describe_arrays, describe_weights
from animegan3_tf.training.run_files import CONFIGURATION, is_state

if TYPE_CHECKING:
    from animegan3_tf.export import ExportedFile

Description = dict[str, Any]  # {what: value}: what a header may hold, such as text, numbers and lists


def describe_model(path: str | os.PathLike) -> Description:
    """Describes a model by its header, metadata and tensors.

    Args:
        path: Weights, a training state, a run folder, an exported or a published file, or a shipped checkpoint's name.

    Returns:
        Plain values by name, `kind` first; sizes are in bytes.

    Raises:
        UserError: The path does not exist, the file is damaged, or its format is unknown.
    """
    path = by_name(path)
    kind = kind_of(path)
    if kind is None:
        if path.is_dir():
            return _run_folder(path)
        raise no_model(path, also="a state (.h5), or ")
    if kind is WEIGHTS_KIND and is_state(path):
        return _state(path)
    return kind.describe(path) if kind.describe else kind.open(path).describe()


def _state(path: Path) -> Description:
    from animegan3_tf.training.state import read_state

    state = read_state(path)
    return describe_arrays("training state", path, _plain(state.header), state.arrays)


def _run_folder(path: Path) -> Description:
    from animegan3_tf.training.run_files import read_run

    weights, configuration = path / WEIGHTS, path / CONFIGURATION
    if not weights.is_file() and not configuration.is_file():
        raise UserError(f"folder {quote(path)} holds no run and no SavedModel; name {accepted()}")
    found: Description = {"kind": "run folder"}
    if configuration.is_file():
        found |= _plain(read_run(path).to_dict())
    if weights.is_file():
        found |= {f"generator {key}": value for key, value in describe_weights(weights).items() if key != "kind"}
    return found


def _plain(values: Mapping[str, Any]) -> Description:
    """The values that fit on a line: no nested ones and no None."""
    return {key: value for key, value in values.items() if not isinstance(value, (dict, list)) and value is not None}


_MODEL_HELP = (
    "Run folder, weights (.h5), published .pb, .onnx or TF.js, SavedModel, .tflite, or a name that `animegan3 models` "
    "lists; portrait by default."
)


def stylize_command(
    inputs: list[Path] = typer.Argument(..., help="Photos and folders of photos."),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the results, or an image file for one photo."),
    model: Optional[Path] = typer.Option(None, help=_MODEL_HELP),
    format: Optional[str] = typer.Option(None, help="Write png, jpg or webp; by default each photo's own format."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Let results replace their own photos."),
    strip: bool = typer.Option(False, "--strip", help="Leave out photos' EXIF (date, camera, place) and resolution."),
    size: Optional[int] = typer.Option(
        None, help="Longest side at which photos are drawn, in pixels; 0 for their own; the checkpoint's by default."
    ),
    full_size: bool = typer.Option(
        True, "--full-size/--network-size", help="Enlarge results to the size of their photos, or keep the drawn size."
    ),
    face: Optional[bool] = typer.Option(
        None, "--face/--no-face", help="Draw each face once more on its own, or not; by default as the checkpoint says."
    ),
    face_size: Optional[int] = typer.Option(
        None, help="Side of the crops in which faces are drawn, in pixels; the checkpoint's by default."
    ),
    keep_colors: str = typer.Option(
        "none",
        help="Give each region of a drawing the photo's colour (region), or keep the model's (none). With region grey "
        "photos stay grey, white stays white and black black.",
    ),
    max_pixels: int = MAX_PIXELS,
    trust: bool = TRUST,
) -> None:
    """Turn photos into anime.

    A photo that cannot be read is reported and the rest goes on; the exit status is then 1. A full disk ends the run;
    after Ctrl-C (exit status 130) what is written stays.

    Example: animegan3 stylize photos -o anime
    """
    from animegan3_tf.common.console import progress
    from animegan3_tf.models.checkpoints import default_checkpoint
    from animegan3_tf.stylizer.files import stylize_files, try_destination

    try_destination(out)  # before TensorFlow and the model are loaded, which takes seconds
    from animegan3_tf.stylizer.photos import open_photo_stylizer

    chosen = model or default_checkpoint().weights
    stylizer = open_photo_stylizer(
        chosen, size=size, full_size=full_size, faces=face, face_size=face_size, keep_colors=keep_colors
    )
    if stylizer.warning:
        print_problems(stylizer.warning)
    with progress("stylising") as advance:
        furthest = 0.0  # a photo is drawn while those before it are being written

        def on_part(done: float, total: int, photo: Path) -> None:
            nonlocal furthest
            furthest = max(furthest, done)
            advance(furthest, total, photo.name)

        def on_progress(done: int, total: int, photo: Path, error: Optional[str]) -> None:
            on_part(done, total, photo)
            if error is not None:
                print_problems(error)

        report = stylize_files(
            inputs,
            out,
            stylizer,
            max_pixels=max_pixels,
            suffix=format,
            overwrite=overwrite,
            strip=strip,
            on_progress=on_progress,
            on_part=on_part,
        )
    say(f"{report.written:,} images written to {out}, {len(report.failures):,} failed")
    if found := stylizer.faces_found:
        say(f"faces drawn again: {sum(found):,}, in {sum(map(bool, found)):,} of {len(found):,} photos")
    say(f"terms of the weights: {stylizer.terms}")
    if report.failures:
        raise typer.Exit(1)


def models_command(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List the checkpoints that come with the project; every command that takes a model takes their names.

    Example: animegan3 models
    """
    from animegan3_tf.models.checkpoints import shipped_checkpoints, terms_of

    found = shipped_checkpoints()
    if as_json:
        say_json([one.to_dict() for one in found])
        return
    if not found:
        say("no checkpoint is shipped with this version")
    for number, one in enumerate(found):  # the default is first
        header, step = one.header, one.header.get("step")
        facts = [header.get("architecture"), f"step {step:,}" if step else None, header.get("created")]
        line = ", ".join(filter(None, [*facts, f"{one.bytes / 1e6:.1f} MB"]))
        say(f"{one.name}{' (default)' if number == 0 else ''}: {line}")
        say(f"    {one.to_dict()['card'] or one.weights}", f"    terms: {terms_of(header)}")


def export_command(
    model: Path = typer.Argument(
        ..., help="Run folder, weights (.h5), published file, or a name that `animegan3 models` lists."
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Folder for the files and export.json, which describes them."),
    formats: str = typer.Option(
        "saved_model,tflite", "--format", help="Formats to write: saved_model, tflite, onnx, joined by commas."
    ),
    sizes: str = typer.Option(
        "256", "--size", help="Sides of the .tflite files' images in pixels, multiples of 8, joined by commas."
    ),
    precisions: str = typer.Option(
        "float32",
        "--precision",
        help="Precisions of the .tflite files: float32, float16, dynamic, int8, joined by commas.",
    ),
    calibrate: Optional[Path] = typer.Option(None, help="Folder of photos that int8 is fitted to; int8 needs it."),
    photos: Optional[Path] = typer.Option(
        None, help="Folder of photos to compare the files on; three bundled ones by default."
    ),
    litert: Optional[Path] = typer.Option(
        None, help="Path of a Python that has ai-edge-litert, to run the .tflite files."
    ),
    name: Optional[str] = typer.Option(
        None, help="Name of the model in the files; by default its architecture and style."
    ),
    version: Optional[str] = typer.Option(
        None, help="Version of the model; by default that of this package, with the training step."
    ),
    author: Optional[str] = typer.Option(None, help="Author of the model."),
    license: Optional[str] = typer.Option(None, help="Terms of use of the model."),
    trained_on: Optional[str] = typer.Option(None, help="Images that it was trained on, and their owners."),
    trust: bool = TRUST,
) -> None:
    """Write a generator as SavedModel, TFLite and ONNX; each file is run and compared with the Keras model.

    Example: animegan3 export portrait -o exported --format tflite --size 256,512
    """
    from animegan3_tf.export import ExportPlan, export_generator
    from animegan3_tf.export.export import REPORT
    from animegan3_tf.models.checkpoints import terms_of

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

    def show(file: ExportedFile) -> None:
        say(f"{file.path.name:34}{file.bytes / 1e6:6.2f} MB  {file.comparison}")

    files = export_generator(model, out, plan, show)
    runtimes = ", ".join(sorted({file.facts["runtime"] for file in files}))
    say(f"{len(files)} files written to {out}, compared by {runtimes}; {REPORT} has the details")
    say(f"terms of the weights: {terms_of(read_json(out / REPORT)['model'])}")


def info_command(
    model: Path = typer.Argument(
        ...,
        help="Weights, training state, run folder, published file, SavedModel, .tflite, .onnx, or a name that "
        "`animegan3 models` lists.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    trust: bool = TRUST,
) -> None:
    """Describe a model file: its header or metadata, size and tensors.

    Example: animegan3 info portrait
    """
    values = describe_model(model)
    if as_json:
        say_json(values, default=str)
        return
    width = max(map(len, values)) + 2
    for key, value in values.items():
        say(f"{key:{width}}{value}")


def import_command(
    source: list[str] = typer.Argument(
        ...,
        metavar="[ARCH] FILE",
        help="Frozen graph (.pb), .onnx, TF.js folder or model.json, or TensorFlow 1 checkpoint (its prefix or "
        "folder). The architecture, such as animegan2, may stand before it; otherwise it is detected.",
    ),
    out: Path = typer.Option(..., "-o", "--out", help="Weights file (.h5) to write."),
    batch_norm: str = typer.Option(
        "inference",
        help="Batch norm of animegan3's checkpoints: as the authors' graph for inference computes it (inference), or "
        "with the trained averages (trained).",
    ),
) -> None:
    """Convert a generator that AnimeGAN's authors published to a weights file, for stylize, export and train --init.

    Example: animegan3 import AnimeGANv3_Hayao_36.pb -o hayao_36.h5
    """
    from animegan3_tf.models.published import import_generator

    *architecture, path = source
    if len(architecture) > 1:
        raise UserError(f"import takes one file, with its architecture before it, not {' '.join(source)}")
    imported = import_generator(architecture[0] if architecture else None, path, out, batch_norm)
    say(f"{out}: {imported.header['architecture']}, {imported.parameters:,} parameters")


def _listed(text: str) -> tuple[str, ...]:
    """The words of a list with commas, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _integer(option: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{option} {text!r} is not a number; write it as {option} 256,512") from None
