"""Runs the same command lines with two checkouts and compares what they make: images, weights, exported files, numbers.

    git worktree add ../before COMMIT
    .venv/bin/python tools/same_results.py ../before . --features resnet18:FILE

Without --features, `evaluate` and `compare` measure no distances between sets of images. Both checkouts run in the
environment that runs this. Times, hosts and folders differ from run to run and are left out; wording is compared only
with --text. The start-up of `--help` and of `info` is timed in turns. Exit status 1: something differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from animegan3_tf.study.build import Key, key_path
from animegan3_tf.study.design import Study, schedule

TRAIN = "--perceptual random --image-size 64 --batch-size 2 --steps 20 --pretrain-steps 8 --sample-every 10"
COMMANDS = (  # name, arguments
    ("demo", "demo --out demo"),
    ("prepare", "prepare --style shinkai --photos demo/photo --anime demo/stylised"),
    ("train", f"train --style shinkai --photos demo/photo --anime demo/stylised --deterministic --out run {TRAIN}"),
    ("stylize", "stylize demo/photo -o stylised --model run"),
    ("info", "info run/generator.h5 --json"),
    ("export", "export run -o exported --format saved_model,tflite,onnx --precision float32,float16,dynamic"),
    ("evaluate", "evaluate --generated stylised --photos demo/photo --anime demo/stylised -o evaluated --no-faces"),
    (
        "compare",
        "compare --photos demo/photo --anime demo/stylised -o compared --no-timing --model a=run --model b=stylised",
    ),
    ("study", "study build --photos demo/photo --method a=stylised --method b=demo/stylised --seed 1 -o study.html"),
    ("score", "study score study.html answers -o scored"),
)
# words of keys in JSON; whole words, since "rate" also ends "generate"
VOLATILE = {
    *("time", "seconds", "milliseconds", "speed", "per", "date", "created", "started", "updated"),
    *("host", "process", "pid", "memory"),
}
TEXT = (".html", ".md", ".txt", ".log", ".toml")
START_UPS = 9
RATERS = 4


def run(checkout: Path, place: Path, arguments: str) -> tuple[int, str, float]:
    """Runs a command of a checkout in a folder.

    Args:
        checkout: The checkout.
        place: The folder.
        arguments: Of `animegan3`.

    Returns:
        Exit status, what it printed, and the seconds it took.
    """
    environment = {**os.environ, "PYTHONPATH": str(checkout), "TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "120"}
    command = [sys.executable, "-m", "animegan3_tf", *arguments.split()]
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr, time.perf_counter() - begun


def make_answers(study: Study, seed: int, block: int, prefer: Callable[[str, list[str]], object]) -> dict:
    """Makes what a rater's page saves.

    Args:
        study: The study.
        seed: The rater's.
        block: The block that the rater is given.
        prefer: From a question and the codes of the images, from left to right, to the answer.
    """
    given = [
        {
            "trial": shown.trial,
            "pictures": list(shown.pictures),
            "answers": {question: prefer(question, list(shown.pictures)) for question in study.questions},
        }
        for shown in schedule(study, seed, block)
    ]
    return {"study": study.id, "seed": seed, "block": block, "language": "en", "given": given}


def answer(place: Path) -> None:
    """Answers the study of a folder, as so many pages save it: raters prefer the first image and the last, in turns.

    Args:
        place: Holds study.html's key; the answers go into its folder `answers`.
    """
    key = Key.read(key_path(place / "study.html"))
    (place / "answers").mkdir(exist_ok=True)
    for rater in range(RATERS):
        saved = make_answers(
            key.study, rater, rater % key.study.blocks, lambda _, codes, place=-(rater % 2): codes[place]
        )
        (place / "answers" / f"{rater}.json").write_text(json.dumps(saved), encoding="utf-8")


def content(path: Path) -> object:
    """Reads what has to be the same in a file: pixels, arrays, numbers.

    Args:
        path: Any file.

    Returns:
        A value to compare.
    """
    if path.suffix in (".png", ".jpg"):
        import cv2

        image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        return image.shape, hashlib.sha256(image.tobytes()).hexdigest()
    if path.suffix == ".h5":
        import h5py

        arrays = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, item: arrays.update({name: item}) if isinstance(item, h5py.Dataset) else None)
            return {name: hashlib.sha256(item[()].tobytes()).hexdigest() for name, item in arrays.items() if item.size}
    if path.suffix == ".json":
        return steady(json.loads(path.read_text(encoding="utf-8")))
    if path.suffix == ".jsonl":
        return [steady(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    return hashlib.sha256(path.read_bytes()).hexdigest()


def steady(value: object) -> object:
    """A JSON value without what differs from run to run."""
    if isinstance(value, dict):
        return {
            key: steady(part) for key, part in value.items() if VOLATILE.isdisjoint(re.split("[^a-z]+", key.lower()))
        }
    return [steady(part) for part in value] if isinstance(value, list) else value


def differences(before: Path, after: Path, text: bool) -> Iterator[str]:
    """Yields one line for each file that differs between two folders.

    Args:
        before: The one.
        after: The other.
        text: Compare pages and other prose too.
    """
    names = {path.relative_to(place) for place in (before, after) for path in place.rglob("*") if path.is_file()}
    for name in sorted(names):
        if (name.suffix in TEXT and not text) or "logs" in name.parts or "saved_model" in name.parts:
            continue
        if not (before / name).is_file():
            yield f"{name} is missing with the first"
        elif not (after / name).is_file():
            yield f"{name} is missing with the second"
        elif content(before / name) != content(after / name):
            yield f"{name} differs"


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--features", help="network for `evaluate` and `compare`, see their --features")
    parser.add_argument("--text", action="store_true", help="compare wording too")
    parser.add_argument("--keep", type=Path, help="folder for what both make; a temporary one by default")
    options = parser.parse_args(arguments)
    checkouts = {"before": options.before.resolve(), "after": options.after.resolve()}
    with tempfile.TemporaryDirectory() as temporary:
        base = options.keep or Path(temporary)
        places = {side: base / side for side in ("before", "after")}
        for place in places.values():
            place.mkdir(parents=True)
        different = []
        for name, command in COMMANDS:
            if options.features and name in ("evaluate", "compare"):
                command += f" --features {options.features}"
            if name == "score":
                for place in places.values():
                    answer(place)
            found = {side: run(checkout, places[side], command) for side, checkout in checkouts.items()}
            (first, said, seconds), (second, says, others) = found["before"], found["after"]
            print(f"{name}: exit status {first} and {second}, {others / seconds:.2f} times as long", flush=True)
            if first != second:
                different.append(f"{name}: exit status {first} and {second}: {says[-500:]}")
            elif options.text and said != says:
                different.append(f"{name} prints something else")
        different += differences(places["before"], places["after"], options.text)
        for command in ("--help", "info portrait"):
            times = {"before": [], "after": []}
            for _ in range(START_UPS):
                for side, checkout in checkouts.items():
                    times[side].append(run(checkout, places[side], command)[2])
            print(f"{command}: {median(times['after']) / median(times['before']):.2f} times as long")
    print(*different, sep="\n")
    print(f"{len(different)} differences")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
