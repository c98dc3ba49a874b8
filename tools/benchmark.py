"""Measures this project on this machine: time, memory, and how close it comes to the device's limit.

    .venv/bin/python tools/benchmark.py train --style shinkai --upstream
    .venv/bin/python tools/benchmark.py pairs --perceptual resnet18:FILE.npz random
    .venv/bin/python tools/benchmark.py prepare
    .venv/bin/python tools/benchmark.py lanes --other PYTHON

docs/benchmarks.md explains the columns.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from animegan3_tf.common.console import quiet_tensorflow

# worker processes import this file again, so heavy modules are imported where they are used
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import whole_file

_CHECKPOINT = Path(__file__).resolve().parents[1] / "checkpoints" / "portrait" / "generator.h5"


def main(arguments=None):
    """Runs the command line; returns the exit status."""
    values = _parser().parse_args(arguments)
    try:
        values.run(values)
    except (UserError, OSError) as problem:
        print(f"benchmark: {problem}", file=sys.stderr)
        return 1
    return 0


def _train(values):
    quiet_tensorflow()
    from benchmarks.report import print_train
    from benchmarks.setup import TrainSettings
    from benchmarks.train import benchmark_train
    from rich.console import Console

    from animegan3_tf.comparison.speed import has_gpu

    gpu = has_gpu()
    settings = TrainSettings(
        style=values.style,
        perceptual=values.perceptual,
        size=values.size,
        batch=values.batch or (8 if gpu else 1),
        steps=values.steps or (20 if gpu else 5),
        region=values.region,
        precision=values.precision,
        generator=values.generator,
        host_share=gpu if values.host_share is None else values.host_share,
        upstream=values.upstream,
        summaries=values.upstream_summaries,
        jit=tuple(values.jit),
        photos=values.photos,
        anime=values.anime,
    )
    result = benchmark_train(settings, show=lambda line: print(f"{line} ...", file=sys.stderr))
    print_train(result, Console())
    _write_json(values.json, result)


def _pairs(values):
    quiet_tensorflow()
    from benchmarks.pairs import PairsSettings, benchmark_pairs
    from benchmarks.report import print_pairs
    from rich.console import Console

    settings = PairsSettings(values.style, tuple(values.perceptual), values.steps, values.discriminator)
    result = benchmark_pairs(settings, show=lambda line: print(f"{line} ...", file=sys.stderr))
    print_pairs(result, Console())
    _write_json(values.json, result)


def _prepare(values):
    from benchmarks.prepare import PrepareSettings, benchmark_prepare
    from benchmarks.report import print_prepare
    from rich.console import Console

    settings = PrepareSettings(values.count, values.size, values.jobs, values.rounds, values.photos)
    load = os.getloadavg()[0]
    result = benchmark_prepare(settings, show=lambda line: print(f"{line} ...", file=sys.stderr))
    print_prepare({**result, "load_average": load}, Console())
    _write_json(values.json, result)


def _export(values):
    quiet_tensorflow()
    from benchmarks.export import ExportSettings, benchmark_export
    from benchmarks.export_report import print_export
    from rich.console import Console

    settings = ExportSettings(
        generator=values.generator,
        sizes=tuple(values.size),
        precisions=tuple(values.precision),
        threads=tuple(values.threads),
        rounds=values.rounds,
        litert=values.litert,
        onnx=values.onnx,
        calibrate=values.calibrate,
    )
    result = benchmark_export(settings, show=lambda line: print(f"{line} ...", file=sys.stderr))
    print_export(result, Console())
    _write_json(values.json, result)


def _lanes(values):
    quiet_tensorflow()
    from benchmarks.lanes import benchmark_lanes, print_lanes
    from benchmarks.setup import TrainSettings
    from rich.console import Console

    settings = TrainSettings(
        style=values.style,
        perceptual="random",
        size=values.size,
        batch=values.batch,
        steps=1,
        region="superpixel",
        precision="float32",
        generator=str(_CHECKPOINT),
        host_share=False,
        upstream=False,
        summaries=False,
    )
    result = benchmark_lanes(
        settings, values.other, values.rounds, show=lambda line: print(f"{line} ...", file=sys.stderr)
    )
    print_lanes(result, Console())
    _write_json(values.json, result)


def _write_json(path, result):
    if path:
        with whole_file(Path(path)) as temporary:
            temporary.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _parser():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="command")
    train = commands.add_parser("train", help="time a training step and its parts")
    train.set_defaults(run=_train)
    train.add_argument("--style", default="shinkai", help="name or .toml (default: shinkai)")
    train.add_argument("--perceptual", default="random", help="as for animegan3 train (default: random, a VGG19)")
    train.add_argument("--size", type=int, default=256, help="side of the crops (default: 256)")
    train.add_argument("--batch", type=_positive, help="images in a step (default: 8 on a GPU, else 1)")
    train.add_argument("--steps", type=_positive, help="timed rounds (default: 20 on a GPU, else 5)")
    train.add_argument(
        "--region",
        choices=("superpixel", "l0"),
        default="superpixel",
        help="kind of region target (default: superpixel)",
    )
    train.add_argument(
        "--precision", choices=("float32", "mixed_float16", "mixed_bfloat16"), default="float32", help="Keras policy"
    )
    train.add_argument("--jit", nargs="+", choices=("nl_means", "networks"), default=[], help="parts that XLA compiles")
    train.add_argument(
        "--generator",
        default=str(_CHECKPOINT),
        help='weights that both tails start from, or "none" (default: the shipped portrait checkpoint)',
    )
    train.add_argument("--photos", help="folder of photos (default: bundled ones)")
    train.add_argument("--anime", help="folder of anime images (default: drawn here)")
    train.add_argument("--upstream", action="store_true", help="time upstream's way too, in turns")
    train.add_argument(
        "--no-upstream-summaries",
        dest="upstream_summaries",
        action="store_false",
        help="leave out the losses that upstream evaluates once more for summaries",
    )
    for flag, value in (("--host-share", True), ("--no-host-share", False)):
        train.add_argument(
            flag,
            dest="host_share",
            action="store_const",
            const=value,
            help="time a step without a region target too (default: on a GPU)" if value else argparse.SUPPRESS,
        )
    train.add_argument("--json", metavar="FILE", help="write everything measured to a file")
    prepare = commands.add_parser("prepare", help="time photo targets: one job, several, and upstream's way")
    prepare.set_defaults(run=_prepare)
    prepare.add_argument("--photos", help="folder of photos (default: bundled ones)")
    prepare.add_argument("--count", type=_positive, default=40, help="number of photos in a run (default: 40)")
    prepare.add_argument("--size", type=int, default=256, help="side of the bundled photos (default: 256)")
    prepare.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, help="processes of the pool (default: the cores)"
    )
    prepare.add_argument("--rounds", type=_positive, default=3, help="number of runs of each way (default: 3)")
    prepare.add_argument("--json", metavar="FILE", help="write everything measured to a file")
    _add_lanes(commands)
    _add_pairs(commands)
    _add_export(commands)
    return parser


def _add_lanes(commands):
    lanes = commands.add_parser("lanes", help="time a step and an image on two lines of TensorFlow, in turns")
    lanes.set_defaults(run=_lanes)
    lanes.add_argument("--other", required=True, metavar="PYTHON", help="the Python of the other line's environment")
    lanes.add_argument("--style", default="shinkai", help="name or .toml (default: shinkai)")
    lanes.add_argument("--size", type=int, default=128, help="side of crops and image (default: 128)")
    lanes.add_argument("--batch", type=_positive, default=2, help="images in a step (default: 2)")
    lanes.add_argument("--rounds", type=_positive, default=9, help="timed turns (default: 9)")
    lanes.add_argument("--json", metavar="FILE", help="write everything measured to a file")


def _add_pairs(commands):
    pairs = commands.add_parser("pairs", help="time a training step on pairs, and the generator's own pass")
    pairs.set_defaults(run=_pairs)
    pairs.add_argument("--style", default="portrait", help="name or .toml of a style of pairs (default: portrait)")
    pairs.add_argument(
        "--perceptual", nargs="+", default=["random"], help="as for animegan3 train (default: random, a VGG19)"
    )
    pairs.add_argument("--steps", type=_positive, default=5, help="timed rounds (default: 5)")
    pairs.add_argument("--discriminator", action="store_true", help="include the discriminator's part of the step")
    pairs.add_argument("--json", metavar="FILE", help="write everything measured to a file")


def _add_export(commands):
    export = commands.add_parser("export", help="time exported files: latency, memory, operators")
    export.set_defaults(run=_export)
    export.add_argument(
        "--generator", default=str(_CHECKPOINT), help="weights (default: the shipped portrait checkpoint)"
    )
    export.add_argument("--size", type=_positive, nargs="+", default=[512], help="sides of the images (default: 512)")
    export.add_argument(
        "--precision", nargs="+", default=["float32"], help="precisions of the .tflite files (default: float32)"
    )
    export.add_argument("--threads", type=_positive, nargs="+", default=[2], help="threads of each run (default: 2)")
    export.add_argument(
        "--rounds", type=_positive, default=7, help="number of runs of each file, in turns (default: 7)"
    )
    export.add_argument("--litert", default=sys.executable, help="a Python that has ai-edge-litert (default: this one)")
    export.add_argument("--onnx", metavar="PYTHON", help="time ONNX Runtime too, in a Python that has it")
    export.add_argument("--calibrate", help="folder of photos that int8 is fitted to")
    export.add_argument("--json", metavar="FILE", help="write everything measured to a file")


def _positive(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is below 1")
    return value


if __name__ == "__main__":
    sys.exit(main())
