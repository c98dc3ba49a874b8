"""Damages files of every kind that the package reads, and counts what does not end in a result or in one line.

    .venv/bin/python tools/fuzz picture=10000 h5=1000 state=500 -o out/fuzz
    .venv/bin/python tools/fuzz                    # 20 of each kind

The same seed makes the same files. A file that shows a fault is kept. Exit status 1: there was one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

_TOOLS = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(_TOOLS), str(_TOOLS.parent / "tests")]

from animegan3_tf.common.console import quiet_tensorflow  # noqa: E402

quiet_tensorflow()
from fuzz import seeds  # noqa: E402
from fuzz.readers import MODELS, READERS  # noqa: E402
from fuzz.watch import FAULTS, run  # noqa: E402

COUNT = 20


def main():
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND=COUNT", help=f"of {', '.join(READERS)}; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first file")
    parser.add_argument("-o", "--out", default="out/fuzz", help="where files that show a fault are kept")
    values = parser.parse_args()
    wanted = [(kind, int(count or COUNT)) for kind, _, count in (text.partition("=") for text in values.kinds)]
    wanted = wanted or [(kind, COUNT) for kind in READERS]
    unknown = [kind for kind, _ in wanted if kind not in READERS]
    if unknown:
        parser.error(f"kind {unknown[0]!r} is not known; use {', '.join(READERS)}")
    made = sound_files({kind for kind, _ in wanted})
    columns = ("tried", "read", "refused", *FAULTS)
    print(f"{'kind':<12}" + "".join(f"{name:>11}" for name in columns) + f"{'peak MB':>9}")
    faults = 0
    for kind, count in wanted:
        found = run(kind, made[kind], count, values.seed, values.out, first=values.first)
        faults += sum(found[name] for name in FAULTS)
        numbers = "".join(f"{found[name]:>11,}" for name in columns)
        print(f"{kind:<12}{numbers}{found['peak_megabytes']:>9,}", flush=True)
    return int(faults > 0)


def sound_files(kinds):
    """Makes the sound files of the kinds: {kind: seeds}."""
    makers = {"picture": seeds.pictures, "state": seeds.states, "toml": seeds.tomls, "json": seeds.jsons}
    made = {kind: makers[kind]() for kind in kinds if kind in makers}
    if kinds & {"npz", "npy", "torch"}:
        made |= seeds.arrays()
    if kinds & set(MODELS):
        with tempfile.TemporaryDirectory() as folder:
            made |= seeds.models(folder)
    return made


if __name__ == "__main__":
    sys.exit(main())
