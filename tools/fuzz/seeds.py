"""Makes small sound files of every kind, which the fuzzer damages, and says how JSON files are read."""

import io
import json
import pickle
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image, features

SIDE = 32  # pixels of a picture
EXPORT_SIDE = 64
PROFILE = "icc_profile"


def pictures():
    """Pictures in every format and mode that is read, with EXIF, profiles and transparency."""
    from PIL import ImageCms

    rows, columns = np.mgrid[:SIDE, :SIDE]
    rgb = Image.fromarray(np.stack([rows * 8, columns * 8, (rows ^ columns) * 8], -1).astype(np.uint8))
    grey, rgba, sixteen = rgb.convert("L"), rgb.copy(), Image.fromarray((rows * columns * 60).astype(np.uint16))
    rgba.putalpha(Image.fromarray((columns * 8).astype(np.uint8)))
    exif = Image.Exif()
    exif.update({0x0112: 6, 0x010F: "maker", 0x0132: "2026:01:01 00:00:00"})
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    frames = {"save_all": True, "append_images": [rgb.rotate(90)]}
    wanted = [
        *((rgb, "JPEG", {"exif": exif}), (rgb, "JPEG", {"progressive": True, PROFILE: profile})),
        *((grey, "JPEG", {}), (rgb.convert("CMYK"), "JPEG", {"subsampling": 2}), (rgb, "MPO", frames)),
        *((rgb, "PNG", {"exif": exif, PROFILE: profile}), (rgba, "PNG", {}), (rgba.convert("LA"), "PNG", {})),
        *((rgb.quantize(16), "PNG", {"transparency": b"\0\x80\xff"}), (sixteen, "PNG", {}), (grey, "PNG", {"bits": 1})),
        *((rgb, "PNG", frames), (rgb, "WEBP", {"exif": exif}), (rgba, "WEBP", {"lossless": True}), (rgb, "BMP", {})),
        *((rgb, "WEBP", frames), (rgb.quantize(8), "BMP", {}), (rgb, "TIFF", {"exif": exif}), (rgba, "TIFF", {})),
        *((rgb, "TIFF", {"compression": name}) for name in ("tiff_lzw", "tiff_deflate", "jpeg", "packbits")),
        *((sixteen, "TIFF", {}), (rgb.convert("1"), "TIFF", {"compression": "group4"})),
        *((rgb, "GIF", frames), (rgb.quantize(16), "GIF", {"transparency": 3})),
    ]
    if features.check("avif"):
        wanted += [(rgb, "AVIF", {}), (rgba, "AVIF", {})]
    made = []
    for image, form, options in wanted:
        file = io.BytesIO()
        image.save(file, form, **options)
        made.append({f"picture.{form.lower()}": file.getvalue()})
    return made + _heic(rgb)


def _heic(rgb):
    try:
        import pillow_heif
    except ImportError:
        return []
    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    rgb.save(file, "HEIF")
    return [{"picture.heic": file.getvalue()}]


def models(folder):
    """Files of each kind of model, of generators with random weights.

    Args:
        folder: Where the files are made.

    Returns:
        {kind: seeds}, see `fuzz.watch.damaged`.
    """
    import tensorflow as tf
    from helpers.tf1_files import random_variables, write_checkpoint
    from helpers.tf1_graphs import write_frozen_graph

    from animegan3_tf.export import ExportPlan, export_generator
    from animegan3_tf.models.weights import build_deployed, save_generator

    folder = Path(folder)
    tf.keras.utils.set_random_seed(0)
    weights = folder / "weights.h5"
    save_generator(weights, build_deployed("animegan3", "half_pixel"))
    plan = ExportPlan(formats=("tflite", "onnx"), sizes=(EXPORT_SIDE,))
    export_generator(weights, folder / "out", plan)
    (folder / "checkpoint").mkdir()
    published = random_variables("animegan2")
    write_checkpoint(folder / "checkpoint" / "generator.ckpt", published)
    graph = write_frozen_graph(folder / "graph.pb", "animegan2", published)
    return {
        "h5": [{"weights.h5": content} for content in (weights.read_bytes(), _unsealed(weights))],
        "tflite": [{"model.tflite": path.read_bytes()} for path in folder.rglob("*.tflite")],
        "onnx": [{"model.onnx": path.read_bytes()} for path in folder.rglob("*.onnx")],
        "saved_model": [_saved_model(folder / "saved")],
        "pb": [{"graph.pb": graph.read_bytes()}],
        "checkpoint": [_tree(folder / "checkpoint")],
    }


def _unsealed(path):
    """The content of a weights file as older versions wrote it: damage in it is found by HDF5 or not at all."""
    import h5py

    content = io.BytesIO()
    with h5py.File(path) as sealed, h5py.File(content, "w") as plain:
        plain.attrs.update(sealed.attrs)
        for name in sealed:
            sealed.copy(name, plain)
    return content.getvalue()


def _saved_model(folder):
    """A SavedModel of one convolution: TensorFlow takes seconds to load a whole generator's."""
    import tensorflow as tf

    module = tf.Module()
    module.kernel = tf.Variable(tf.random.normal([3, 3, 3, 3]))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], name="photo")])
    def draw(photo):
        return {"anime": tf.tanh(tf.nn.conv2d(photo, module.kernel, 1, "SAME"))}

    module.draw = draw
    tf.saved_model.save(module, str(folder), {"serving_default": draw})
    return _tree(folder)


def _tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def arrays():
    """Seeds of .npz, .npy and PyTorch files: {kind: seeds}."""
    from helpers.tiny_training import resnet_arrays

    rng = np.random.default_rng(0)
    kernels = {f"w{i}": rng.random([3, 3, 4, 4], np.float32) for i in range(6)}
    plain, packed, table = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(plain, **kernels)
    np.savez_compressed(packed, **{name: np.zeros_like(array) for name, array in resnet_arrays().items()})
    np.save(table, {name: [kernel, kernel[0, 0, 0]] for name, kernel in kernels.items()}, allow_pickle=True)
    return {
        "npz": [{"network.npz": plain.getvalue()}, {"network.npz": packed.getvalue()}],
        "npy": [{"vgg19.npy": table.getvalue()}],
        "torch": [{"network.pth": _torch_zip(kernels)}],
    }


class _Rebuilt:
    """What PyTorch pickles of a tensor, for files that are made without PyTorch."""

    def __init__(self, key, array):
        self.key, self.array = key, array


class _TorchPickler(pickle._Pickler):  # the one in Python, whose opcodes can be written by hand
    def save(self, obj, save_persistent_id=True):
        if not isinstance(obj, _Rebuilt):
            super().save(obj, save_persistent_id)
            return
        self._global("torch._utils _rebuild_tensor_v2")
        self.write(pickle.MARK + pickle.MARK)
        super().save("storage")
        self._global("torch FloatStorage")
        for item in (obj.key, "cpu", obj.array.size):
            super().save(item)
        self.write(pickle.TUPLE + pickle.BINPERSID)
        strides = tuple(step // obj.array.itemsize for step in obj.array.strides)
        for item in (0, obj.array.shape, strides, False, {}):
            super().save(item)
        self.write(pickle.TUPLE + pickle.REDUCE)

    def _global(self, names):
        self.write(pickle.GLOBAL + names.replace(" ", "\n").encode() + b"\n")


def _torch_zip(kernels):
    contents, file = io.BytesIO(), io.BytesIO()
    _TorchPickler(contents, 2).dump(
        {name: _Rebuilt(str(i), kernel) for i, (name, kernel) in enumerate(kernels.items())}
    )
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", contents.getvalue())
        for i, kernel in enumerate(kernels.values()):
            archive.writestr(f"archive/data/{i}", kernel.tobytes())
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def states():
    """Seeds of the states of training runs."""
    from animegan3_tf.training.state import State, write_state

    arrays = {"step": np.int64(3), "generator/kernel": np.ones([3, 3], np.float32)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "state-00000003.h5")
        write_state(path, State({"format": "animegan3_tf state 1", "step": 3, "configuration": {"style": {}}}, arrays))
        return [{path.name: path.read_bytes()}]


def tomls():
    """Seeds of style files: the bundled ones."""
    from animegan3_tf.styles import style

    return [{path.name: path.read_text()} for path in Path(style.__file__).parent.glob("*.toml")]


def _records(path):
    from animegan3_tf.data.manifest import is_record, read_entries

    return list(read_entries(path, is_record))


def _answers(path):
    from animegan3_tf.common.errors import UserError
    from animegan3_tf.study.answers import AnswersError, read_answers

    try:
        return read_answers(path.read_bytes(), _study())
    except AnswersError as error:
        raise UserError(str(error)) from None


def _read(module, name, folder=False):
    def read(path):
        found = __import__(module, fromlist=["x"])
        for part in name.split("."):
            found = getattr(found, part)
        return found(path.parent if folder else path)

    return read


READ_AS = {
    "config.json": _read("animegan3_tf.training.configuration", "RunConfiguration.read", folder=True),
    "status.json": _read("animegan3_tf.training.run_files", "read_status", folder=True),
    "states.json": _read("animegan3_tf.training.state", "newest_state", folder=True),
    "metrics.jsonl": _read("animegan3_tf.training.run_files", "read_metrics", folder=True),
    "manifest.json": _records,
    "boxes.json": _read("animegan3_tf.data.face_detector", "GivenBoxes"),
    "review.json": _read("animegan3_tf.data.pairs", "read_review"),
    "study.key.json": _read("animegan3_tf.study.build", "Key.read"),
    "study.html": _read("animegan3_tf.study.build", "read_study"),
    "answers.json": _answers,
}


def _study():
    from animegan3_tf.study.design import Study

    pairs = (("a", "b"), ("c", "d"))
    trials = tuple((f"photo {i}", pair) for i, pair in enumerate(pairs))
    return Study("0123456789ab", "pairwise", ("overall",), 2, 0, trials)


def jsons():
    """Seeds of the JSON files that commands read."""
    from same_results import make_answers

    from animegan3_tf.study.build import Key
    from animegan3_tf.styles import load_style
    from animegan3_tf.training.configuration import RunConfiguration

    study = _study()
    pictures = {code: ("xy"[i // 2] + ".png", "ab"[i % 2]) for i, code in enumerate("abcd")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "study.key.json")
        Key(study, ("a", "b"), {"photo 0": "x.png", "photo 1": "y.png"}, pictures, 1).write(path)
        key = path.read_text()
    page = f'<script type="application/json" id="study">{json.dumps(study.to_dict())}</script>'
    answers = make_answers(study, 1, 0, lambda question, codes: codes[0])
    configuration = RunConfiguration(load_style("shinkai"), "photo", "anime", "random", steps=10, pretrain_steps=2)
    texts = {
        "config.json": json.dumps({**configuration.to_dict(), "overridden": []}),
        "status.json": json.dumps({"state": "running", "pid": 1, "host": "x", "updated": 1.0, "step": 3, "steps": 9}),
        "states.json": json.dumps({"states": ["state-00000003.h5"]}),
        "metrics.jsonl": '{"step": 1, "loss": 0.5, "time": 1.0}\n{"step": 2, "loss": 0.4, "time": 2.0}\n',
        "manifest.json": json.dumps({"smooth": {"a.png": {"target_sha256": "0" * 64, "size": 3}}}),
        "boxes.json": json.dumps({"a.jpg": [[1, 2, 30, 40], {"left": 1, "top": 2, "right": 3, "bottom": 4}]}),
        "review.json": json.dumps({"crossed_off": ["a", "b"]}),
        "study.key.json": key,
        "study.html": page,
        "answers.json": json.dumps({**answers, "language": "en"}),
    }
    return [{name: text} for name, text in texts.items()]
