"""Keeps a training run and a generator open in a process of one line of TensorFlow, and runs either when asked.

lane_server.py SETTINGS.json   reads "step" or "image" from stdin, line by line, and prints seconds and page faults
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path[:1] = [str(Path(__file__).resolve().parents[level]) for level in (2, 1)]


def main(path):
    """Serves until stdin ends."""
    from animegan3_tf.common.console import quiet_tensorflow

    quiet_tensorflow()
    import tensorflow as tf

    from animegan3_tf.common.images import find_images, read_image
    from animegan3_tf.comparison.speed import peak_memory
    from animegan3_tf.stylizer.model import load_stylizer
    from benchmarks.setup import TrainSettings, training_subject
    from benchmarks.train import fit_step, warm_up

    settings = TrainSettings(**json.loads(Path(path).read_text()))
    with tempfile.TemporaryDirectory(prefix="animegan3-benchmark-") as folder:
        stylizer = load_stylizer(settings.generator)
        with training_subject(settings, Path(folder)) as subject:
            photo = read_image(find_images(settings.photos or Path(folder, "photo"))[0]).rgb
            tasks = {"step": fit_step(subject.trainer, iter(subject.batches)), "image": lambda: stylizer(photo)}
            for task in tasks.values():
                warm_up(task)
            print(json.dumps({"python": sys.version.split()[0], "tensorflow": tf.__version__}), flush=True)
            for line in sys.stdin:
                faults, since = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
                tasks[line.strip()]()
                seconds = time.perf_counter() - since
                faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults
                print(json.dumps({"seconds": seconds, "faults": faults}), flush=True)
            print(json.dumps({"peak_bytes": peak_memory()["process_bytes"]}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
