"""Makes a shipped checkpoint from a run: the deployed generator in float16, its style, and a card with measurements.

    .venv/bin/python tools/release_checkpoint.py runs/portrait checkpoints/portrait --about tools/cards/portrait.toml \
        --photos held_out --anime data/portrait/style

The --about file holds what cannot be measured, such as the owners of the training images and known failures. The
--photos must not have been trained on. Without --photos and --anime the card has only the figures of the --about file.
The tool writes generator.h5, sample.jpg, card.md and SHA256SUMS, and for a run folder also style.toml and config.json.
"""

import argparse
import dataclasses
import datetime
import hashlib
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from flat_response import HEAD, flat_response

from animegan3_tf.common import images
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file
from animegan3_tf.data.demo import demo_photos
from animegan3_tf.models.checkpoints import StylizeDefaults, weights_of
from animegan3_tf.models.weights_file import SUMS, read_weights, write_weights
from animegan3_tf.styles import Style
from animegan3_tf.styles.style import toml_of
from animegan3_tf.stylizer.model import load_stylizer
from animegan3_tf.stylizer.photos import open_photo_stylizer

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ABOUT = {"title": str, "summary": str, "trained_on": str, "hardware": str, "failures": list, "licence": str}
# teacher: the model that drew the pairs. recipe: for weights that no run of this project made. stylize: values of
# `StylizeDefaults`. figures: Markdown
ABOUT_MORE = {"teacher": str, "recipe": str, "stylize": dict, "figures": str}
_COLUMNS = 4


def release(run, target, about, photos=None, anime=None, features="inception-2015", commit=None):
    """Writes the checkpoint's files into `target`.

    Args:
        run: A run folder, or a weights file whose recipe the --about file holds.
        target: The folder to write into.
        about: Path of a TOML file with the keys of ABOUT, and any of ABOUT_MORE.
        photos: Folder of photos for `animegan3 evaluate`; without it nothing is evaluated.
        anime: Folder of anime images for `animegan3 evaluate`.
        features: Network for `animegan3 evaluate --features`.
        commit: Commit of the code that trained the weights; by default the checkout's.

    Raises:
        UserError: The --about file or the arguments do not fit, or the evaluation failed.
    """
    if (photos is None) != (anime is None):
        raise UserError("--photos and --anime belong together; give both, or neither")
    about = _read_about(about)
    header, arrays = read_weights(weights_of(run))
    created = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    configuration = _configuration(run) if run.is_dir() else None
    if not configuration and "recipe" not in about:
        raise UserError(f'{str(run)!r} is not a run folder, so --about must hold the recipe; add recipe = "..."')
    weights = target / "generator.h5"
    arrays = {name: array.astype("float16") for name, array in arrays.items()}
    (target / SUMS).unlink(missing_ok=True)  # an older release's, which would refuse the new weights
    write_weights(weights, {**_kept(header), **_described(about), "created": created}, arrays)
    names = ["card.md", "generator.h5", "sample.jpg"]
    if configuration:
        names = sorted([*names, "config.json", "style.toml"])
        _write(target / "config.json", json.dumps(configuration, indent=2) + "\n")
        _write(target / "style.toml", toml_of(Style.from_dict(configuration["style"], source="config.json")))
    _draw_sample(weights, target / "sample.jpg")
    measured = []
    if photos:
        results = _evaluate(_command(weights, photos, anime, features))
        measured = _measured(_command(target.name, photos.name, anime.name, _base(features)), results)
    recipe = about["recipe"].strip() if "recipe" in about else _recipe(configuration, header["step"])
    flat = flat_response(load_stylizer(weights))
    code = f"commit {commit or _commit()}" if configuration else "not this project's trainer"
    _write(target / "card.md", _card(about, recipe, f"{code}, released {created}", measured, flat))
    sums = [f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    _write(target / SUMS, "".join(sums))


def _kept(header):
    """The header's entries without those that concern one machine, and without notes."""
    return {name: value for name, value in header.items() if name not in ("perceptual", "note")}


def _described(about):
    """The header's entries from the --about file."""
    entries = {"trained_on": about["trained_on"], "license": about["licence"]}
    if "teacher" in about:
        entries["teacher"] = about["teacher"]
    if "stylize" in about:
        entries["stylize"] = dataclasses.asdict(StylizeDefaults.from_header(about))
    return entries


def _read_about(path):
    try:
        about = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"--about {str(path)!r} is not valid TOML: {error}") from error
    wrong = [key for key, kind in ABOUT.items() if not isinstance(about.get(key), kind)]
    wrong += [key for key, kind in ABOUT_MORE.items() if key in about and not isinstance(about[key], kind)]
    if wrong:
        raise UserError(f"--about {str(path)!r} lacks {', '.join(wrong)}, or has another type there; correct the file")
    return about


def _configuration(run):
    """The run's configuration without the folders of its machine."""
    configuration = json.loads((run / "config.json").read_text(encoding="utf-8"))
    for name in ("photos", "anime", "pairs", "samples"):
        configuration.pop(name, None)
    if configuration.get("init"):
        configuration["init"]["path"] = Path(configuration["init"]["path"]).name
    if "overridden" in configuration:
        paths = ("photos", "anime", "pairs", "perceptual", "init.path")
        configuration["overridden"] = [e for e in configuration["overridden"] if e["key"] not in paths]
    configuration["perceptual"] = _base(configuration["perceptual"])
    return configuration


def _draw_sample(weights, path):
    """Draws eight bundled photos, which are free to share and in no training set, each row above its results."""
    stylizer = open_photo_stylizer(weights)
    with tempfile.TemporaryDirectory() as folder:
        written = demo_photos(Path(folder, "photo"))
        by_name = {photo.stem: photo for photo in (*written.evaluation, *written.training)}
        names = ("astronaut_face", "astronaut_head", "astronaut_bust", "chelsea_eyes", *list(by_name)[:_COLUMNS])
        photos = [images.read_image(by_name[name]).rgb for name in names]
    rows = [photos[:_COLUMNS], photos[_COLUMNS:]]
    sheet = [row for photos in rows for row in (photos, [stylizer(photo) for photo in photos])]
    images.write_image(path, images.grid(sheet))


def _command(generated, photos, anime, features):
    folders = ["--generated", str(generated), "--photos", str(photos), "--anime", str(anime)]
    return ["evaluate", *folders, "--features", features]


def _base(specification):
    """KIND:FILE without FILE's folder."""
    kind, _, path = specification.partition(":")
    return f"{kind}:{Path(path).name}" if path else kind


def _evaluate(command):
    """Runs `animegan3 evaluate` as a user would, and reads its results."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "animegan3_tf", *command, "-o", folder], check=False)
        report = Path(folder, "report.json")
        if done.returncode or not report.is_file():
            raise UserError(f"evaluate ended with status {done.returncode}; its reason is printed above")
        return json.loads(report.read_text(encoding="utf-8"))["results"]


def _recipe(configuration, step):
    style, init, first = configuration["style"], configuration.get("init"), configuration["pretrain_steps"]
    begun = f"begun with {init['path']} (sha256 {init['sha256'][:12]}), " if init else ""
    if style.get("objective") == "pairs":
        later = f", {step - first:,} of them with a discriminator," if style["pairs"]["discriminator"] else ""
        steps = f"{step:,} steps on pairs{later} in batches of " + " or ".join(
            f"{batch['count']} crops of {batch['crop']} pixels ({batch['turns']} turns)"
            for batch in style["pairs"]["batches"].values()
        )
    else:
        side, batch = style["data"]["image_size"], style["train"]["batch_size"]
        steps = f"{first:,} steps of content only and {step - first:,} adversarial ones, batch {batch}, {side}x{side}"
    network, file = configuration["perceptual"], configuration.get("perceptual_file")
    if file:  # "vgg19" may mean several files
        network += f" of {Path(file['path']).name} (sha256 {file['sha256'][:12]})"
    return f"style.toml; {begun}{steps}; perceptual network {network}; seed {configuration['seed']}."


def _measured(command, results):
    rows = []
    for result in results:
        if result["value"] is None:
            value = result["note"]
        else:
            value = f"{result['value']:.4g}"
            value += "" if result["low"] is None else f" ({result['low']:.4g} to {result['high']:.4g})"
        rows.append(f"| {result['name']} | {value} | {result['count']} |")
    return [
        "On photos that it was not trained on; the command gives the numbers again where the pictures are:",
        "",
        "```",
        f"animegan3 {shlex.join(command)} -o report",
        "```",
        "",
        "| metric | value (95 % interval) | measured on |",
        "|---|---|---|",
        *rows,
        "",
    ]


def _card(about, recipe, code, measured, flat):
    teacher = [f"- **Teacher**: {about['teacher'].strip()}"] if "teacher" in about else []
    figures = [about["figures"].strip(), ""] if "figures" in about else []
    return "\n".join(
        [
            f"# {about['title']}",
            "",
            about["summary"].strip(),
            "",
            "![photos, and below each row its results](sample.jpg)",
            "",
            *teacher,
            f"- **Trained on**: {about['trained_on'].strip()}",
            f"- **Recipe**: {recipe}",
            f"- **Hardware and time**: {about['hardware'].strip()}",
            f"- **Code**: {code}.",
            "- **Known failures**: " + "; ".join(about["failures"]) + ".",
            f"- **Licence**: {about['licence'].strip()}",
            "",
            "## Measured",
            "",
            *figures,
            *measured,
            *HEAD,
            *flat,
            "",
        ]
    )


def _commit():
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _write(path, text):
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="run folder or weights file")
    parser.add_argument("target", type=Path, help="folder to write")
    parser.add_argument("--about", type=Path, required=True, help="TOML file with " + ", ".join((*ABOUT, *ABOUT_MORE)))
    parser.add_argument("--photos", type=Path, help="folder of photos that were not trained on")
    parser.add_argument("--anime", type=Path, help="folder of anime images")
    parser.add_argument("--features", default="inception-2015", help="network for evaluate, such as resnet18:FILE.npz")
    parser.add_argument("--commit", help="commit of the code that trained it (default: the checkout's)")
    arguments = parser.parse_args()
    try:
        release(**vars(arguments))
    except (UserError, OSError) as problem:
        sys.exit(f"release_checkpoint: {problem}")
