"""Makes a shipped checkpoint of a run: the deployed generator in float16, its configuration and their checksums.

    .venv/bin/python tools/release_checkpoint.py runs/portrait checkpoints/portrait

The card, card.md, is written by hand: what it was trained on and who owns that, how far it is, what goes wrong.
"""

import argparse
import datetime
import hashlib
import json
import sys
from pathlib import Path

from animegan3_tf.checkpoints import weights_of
from animegan3_tf.errors import UserError
from animegan3_tf.files import whole_file
from animegan3_tf.weights_file import read_weights, write_weights

SUMS = "SHA256SUMS"


def release(run, target):
    """Writes generator.h5, config.json (without the folders of the machine it ran on) and SHA256SUMS into `target`."""
    header, arrays = read_weights(weights_of(run))
    created = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    header = {name: value for name, value in header.items() if name != "perceptual"}
    write_weights(
        target / "generator.h5", {**header, "created": created}, {n: a.astype("float16") for n, a in arrays.items()}
    )
    configuration = json.loads((run / "config.json").read_text(encoding="utf-8"))
    for name in ("photos", "anime", "samples"):
        configuration.pop(name)
    if configuration.get("init"):
        configuration["init"]["path"] = Path(configuration["init"]["path"]).name
    if "overridden" in configuration:
        paths = ("photos", "anime", "perceptual", "init.path")
        configuration["overridden"] = [e for e in configuration["overridden"] if e["key"] not in paths]
    kind, _, path = configuration["perceptual"].partition(":")
    configuration["perceptual"] = f"{kind}:{Path(path).name}" if path else kind
    _write(target / "config.json", json.dumps(configuration, indent=2) + "\n")
    names = ("config.json", "generator.h5")
    sums = [f"{hashlib.sha256((target / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    _write(target / SUMS, "".join(sums))


def _write(path, text):
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    try:
        release(arguments.run, arguments.target)
    except (UserError, OSError) as problem:
        sys.exit(f"release_checkpoint: {problem}")
