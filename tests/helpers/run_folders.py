"""Run folders as a training leaves them, without the training."""

import json

import numpy as np

from animegan3_tf.common.images import write_image
from animegan3_tf.training.run_files import MetricsFile, RunStatus


def run_folder(folder, state="finished", step=4, **status):
    """A run of 10 steps, 2 of them pre-training, at `step`; `status` are further fields of its status.json."""
    folder.mkdir(parents=True, exist_ok=True)
    configuration = {"version": "0", "style": {"name": "tiny", "loss": {"identity": 0.5}}, "steps": 10}
    (folder / "config.json").write_text(json.dumps(configuration))
    found = RunStatus(folder, 10)
    found.update(state=state, step=step, **status)
    file = MetricsFile(folder)
    for number in range(1, step + 1):
        pretraining = number <= 2
        terms = {"pretrain_main": 1.0} if pretraining else {"content": 2.0, "main_l1": 3.0, "discriminator_main": 4.0}
        phase = "pretrain" if pretraining else "adversarial"
        record = {"step": number, "phase": phase, "time": 1e9 + number, "terms": {"loss": 5.0, **terms}}
        file.append({**record, "images_per_s": 8.0, "memory": {"process_peak": 2**30}})
    return folder


def add_validation(folder, step, likeness=0.5):
    """A picture grid and its curves."""
    grid = f"samples/{step:06d}.png"
    write_image(folder / grid, np.full((24, 1200, 3), step % 256, np.uint8))
    curves = [f"{name}_{tail}" for name in ("content_distance", "anime_likeness") for tail in ("support", "main")]
    values = {**dict.fromkeys(curves, likeness), "anime_itself": 0.9}
    record = {"step": step, "phase": "adversarial", "time": 1e9, "validation": values, "grid": grid}
    with open(folder / "metrics.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")
