import fcntl
import pickle

import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.common.images import write_image
from animegan3_tf.models.weights import save_generator
from animegan3_tf.networks import build_generator


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A run folder whose generator has batch norm moments as training leaves them, not the initial ones."""
    folder = tmp_path_factory.mktemp("run")
    tf.keras.utils.set_random_seed(0)
    generator = build_generator(tails="main")
    for weight in generator.non_trainable_weights:
        weight.assign(weight * 0.1 + 0.01)
    save_generator(folder / "generator.h5", generator, {"style": "tiny", "step": 7, "version": "0.1"})
    return folder


@pytest.fixture(scope="session")
def generator(run):
    from animegan3_tf.models.weights import load_generator

    return load_generator(run / "generator.h5")


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """A folder of three smooth pictures of different shapes, a stand-in for photos."""
    folder = tmp_path_factory.mktemp("photos")
    for i, (height, width) in enumerate([(40, 70), (64, 64), (90, 50)]):
        rows, columns = np.mgrid[:height, :width]
        picture = np.stack([rows * 2, columns * 2, (rows + columns) * (i + 1)], axis=-1) % 256
        write_image(folder / f"{i}.png", picture.astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def exported(run, photos, tmp_path_factory, request):
    """Everything the project's own environment can export, at 64x64: (folder, {name: ExportedFile}).

    The dearest fixture of all: the first of the test processes makes it, the others wait for it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    kept = shared / "exported.pickle"
    with open(shared / "exported.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(_export(run, photos, shared / "exported")))
    return pickle.loads(kept.read_bytes())


def _export(run, photos, out):
    from animegan3_tf.export import ExportPlan, export_generator

    plan = ExportPlan(
        sizes=(64,),
        precisions=("float32", "float16", "dynamic", "int8"),
        calibrate=photos,
        photos=photos,
        card={"author": "A. Nonymous", "trained_on": "nothing", "name": None},
    )
    return out, {file.path.name: file for file in export_generator(run, out, plan)}
