"""Measures the published generators and ours on the same photos, and writes docs/results.md.

    .venv/bin/animegan3 networks get inception-2015 lpips animeganv3
    .venv/bin/python tools/results.py --scenes PHOTOS --scene-anime PICTURES --faces PHOTOS --face-anime PICTURES \
        --published FOLDER

--published holds the files that AnimeGAN's authors published (docs/published.md says where they are); a generator whose
file is missing is left out, and named. Full reports of both comparisons go to --out.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))

from animegan3_tf.common import images
from animegan3_tf.common.console import progress, quiet_tensorflow, say
from animegan3_tf.common.errors import UserError

DOCS = Path(__file__).resolve().parents[1] / "docs"
CACHED = "animeganv3"  # of `animegan3 networks`
# the rows: name, and the file, in --published or, of the network of that name, where `networks get` keeps it
ROWS = (
    ("v1 Hayao", "animegan1_tfjs_hayao/model.json"),
    ("v1 Paprika", "animegan1_tfjs_paprika/model.json"),
    ("v2 Hayao int8", "animeganv2_hayao_256x256_integer_quant.tflite"),
    ("v3 Hayao_36", "AnimeGANv3_Hayao_36.pb"),
    ("v3 Shinkai_37", "AnimeGANv3_Shinkai_37.pb"),
    ("v3 Shinkai_40", f"{CACHED}:AnimeGANv3_Shinkai_40.onnx"),
    ("v3 PortraitSketch_25", f"{CACHED}:AnimeGANv3_PortraitSketch_25.onnx"),
    ("v3 tiny_Cute", f"{CACHED}:AnimeGANv3_tiny_Cute.onnx"),
    ("v3 JP_face", "AnimeGANv3_JP_face_v1.0_fp16.onnx"),
    ("ours, portrait", "portrait"),
)
LEFT_OUT = ("frechet_infinity_anime", "frechet_infinity_photos", "artfid", "yuv", "ms_ssim", "above_strangers")
# DTGAN (AnimeGANv3's paper), table 1: FID to photo and to anime, ms at 256x256 on its authors' GPU, parameters
PAPER = (
    ("CartoonGAN", 66.51, 89.94, 15.2, "11.12 M"),
    ("AnimeGAN", 41.66, 80.36, 18.8, "3.95 M"),
    ("AnimeGANv2", 34.55, 78.10, 12.5, "2.14 M"),
    ("White-box", 42.31, 85.13, 7.0, "1.46 M"),
    ("AnimeGANv3", 40.77, 75.95, 14.9, "1.02 M"),
)
SIDE = 192  # pixels of a picture on the sheet


def rows(published: Path) -> tuple[list[str], list[str]]:
    """Finds the generators: NAME=FILE of each, and the names of those whose file is missing."""
    from animegan3_tf.models.network_files import NETWORKS

    found, missing = [], []
    for name, file in ROWS:
        network, _, kept = file.rpartition(":")
        path = NETWORKS[network].folder / kept if network else published / file
        if name.startswith("ours"):
            found.append(f"{name}={file}")
        elif path.exists():
            found.append(f"{name}={path}")
        else:
            missing.append(name)
    return found, missing


def measure(photos: Path, anime: Path, models: list[str], options: argparse.Namespace, out: Path, timed: bool):
    """Compares the generators on a folder of photos, and writes the whole report to `out`."""
    from animegan3_tf.comparison.compare import EvaluationMetrics, Settings, compare
    from animegan3_tf.comparison.inputs import parse_models
    from animegan3_tf.evaluation.measures import choose_measures
    from animegan3_tf.reports.comparison import write_comparison

    chosen = links(photos, options.count, out / "photos")
    cache = Path("~/.cache/animegan3_tf/features").expanduser()
    measures = choose_measures("inception-2015", "lpips", cache, replicates=options.replicates, warn=say)
    settings = Settings(options.size, ((options.size, options.size),) if timed else (), options.rounds)
    with tempfile.TemporaryDirectory() as work:
        metrics = EvaluationMetrics(measures, progress)
        found = compare(chosen, anime, parse_models(models), metrics, settings, Path(work), progress)
        write_comparison(found, out, 8)
    return found


def links(photos: Path, count: int, folder: Path) -> Path:
    """Makes a folder of links to `count` photos of another, spread evenly."""
    found = images.find_images(photos)
    if len(found) < count:
        raise UserError(f"folder {str(photos)!r} holds {len(found)} photos; {count} are wanted (--count)")
    folder.mkdir(parents=True, exist_ok=True)
    for path in images.evenly_spread(found, count):
        link = folder / path.name
        if not link.is_symlink():
            os.symlink(path.resolve(), link)
    return folder


def sheet(models: list[str], path: Path) -> list[str]:
    """Draws the bundled public-domain photos with every generator; returns the photos' names."""
    from animegan3_tf.data.demo import shown_photos
    from animegan3_tf.stylizer.model import load_stylizer

    with tempfile.TemporaryDirectory() as folder:
        photos = [images.read_image(photo).rgb for photo in shown_photos(Path(folder), 256)]
    columns = [photos]
    for model in models:
        stylizer = load_stylizer(model.partition("=")[2])
        columns.append([stylizer(photo) for photo in photos])
    small = [[images.resize(one, (SIDE, SIDE)) for one in column] for column in columns]
    images.write_image(path, images.grid(small))
    return ["photo", *(model.partition("=")[0] for model in models)]


def table(comparison, cost: bool) -> str:
    """The scores, and where it was measured the cost, a column for each generator."""
    from animegan3_tf.reports.comparison import cost_table, score_table
    from animegan3_tf.reports.table import markdown_table

    whole = score_table(comparison).without(*LEFT_OUT)
    if cost:
        whole = cost_table(comparison).joined(whole)
    return markdown_table(whole.transposed())


def page(scenes, faces, names: list[str], missing: list[str], command: str) -> str:
    """The text of docs/results.md."""
    absent = f"\nNot measured, because their files were not there: {', '.join(missing)}.\n" if missing else ""
    paper = "\n".join(f"| {name} | {photo} | {anime} | {ms} | {size} |" for name, photo, anime, ms, size in PAPER)
    counts = [len(comparison.inputs.paths) for comparison in (scenes, faces)]
    return f"""# Results

The generators that AnimeGAN's authors published, and this project's, on the same photos, measured by the same code. One
command makes this page:

```
{command}
```
{absent}
Every row of a table is a measure, every column a generator; arrows show which way is better, brackets hold 95 %
intervals by resampling pictures. [evaluate.md](evaluate.md) says how each number is made and what it agrees with.

**Read with care.** {counts[0]} and {counts[1]} pictures do not span the 2,048 dimensions of FID's features: such an FID
is far too large, and is comparable only with others from as many pictures, of the same photos. A small distance to the
photos may mean that little was changed. Anime-likeness is what a classifier thinks. Eyes and skin tell of faces alone.

## {counts[0]} scenes

Photos at a longest side of {scenes.inputs.side} pixels; anime: {scenes.anime_count:,} pictures of Hayao's style. Time
and memory are those of one machine ({scenes.machine["processor"]}), in turns: read the ratios.

{table(scenes, True)}
## {counts[1]} faces

None of them was trained on. Anime: {faces.anime_count:,} pictures of faces.

{table(faces, False)}
## Pictures

Photos that may be shown (public domain, bundled), from above: {", ".join(names)}.

![The bundled photos, and each generator's drawings of them](results.jpg)

## Beside the paper

DTGAN (AnimeGANv3's paper), table 1, on its own landscapes:

| | FID to photo | FID to anime | ms at 256x256, a GPU | parameters |
|---|---|---|---|---|
{paper}

What differs: the paper measures many more pictures (its FIDs are therefore smaller), its photos and its anime are other
ones, its resizing is not stated, and its times are a GPU's. Its order may be compared with ours, its numbers may not.
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("scenes", "scene-anime", "faces", "face-anime", "published"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100, help="photos of each kind (default: 100)")
    parser.add_argument("--size", type=int, default=256, help="longest side in pixels (default: 256)")
    parser.add_argument("--replicates", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("out/results"), help="folder for the full reports")
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    try:
        models, missing = rows(options.published)
        scenes = measure(options.scenes, options.scene_anime, models, options, options.out / "scenes", True)
        faces = measure(options.faces, options.face_anime, models, options, options.out / "faces", False)
        names = sheet(models, DOCS / "results.jpg")
        shown = ["--scenes", "PHOTOS", "--scene-anime", "HAYAO", "--faces", "FACES", "--face-anime", "ANIME_FACES"]
        command = shlex.join([".venv/bin/python", "tools/results.py", *shown, "--published", "FOLDER"])
        (DOCS / "results.md").write_text(page(scenes, faces, names, missing, command), encoding="utf-8")
    except UserError as error:
        print(f"results: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
