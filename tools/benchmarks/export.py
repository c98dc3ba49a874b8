"""Times exported files in turns, and compares them with each other and with a plain conversion."""

from __future__ import annotations

import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.comparison.speed import Timing, describe_machine, ratios
from animegan3_tf.export.convert import convert_as_it_is, convert_onnx, convert_tflite, write_saved_model
from animegan3_tf.export.plan import ExportPlan, card_of, fitted, read_photos
from animegan3_tf.layers import ExternalAttention
from animegan3_tf.models.exported import check_onnx
from animegan3_tf.models.weights import load_generator
from animegan3_tf.models.weights_file import read_header
from animegan3_tf.networks.architectures import architecture_of
from benchmarks.operators import SERVER, profile_operators

PLAIN = "litert plain"
_CALIBRATION_PHOTOS = 16


@dataclass(frozen=True)
class ExportSettings:
    """The options of `benchmark.py export`; kept in its JSON.

    Attributes:
        generator: Weights file.
        sizes: Sides of the images in pixels.
        precisions: Precisions of the .tflite files.
        threads: Numbers of threads to time with.
        rounds: Number of runs of each file.
        litert: A Python that has ai-edge-litert.
        onnx: A Python that has ONNX Runtime; None leaves ONNX out.
        calibrate: Folder of the photos that int8 is fitted to.
    """

    generator: str
    sizes: tuple[int, ...]
    precisions: tuple[str, ...]
    threads: tuple[int, ...]
    rounds: int
    litert: str
    onnx: str | None
    calibrate: str | None = None

    def __post_init__(self):
        """Checks the options; raises UserError."""
        calibrate = Path(self.calibrate) if self.calibrate else None
        plan = ExportPlan(("tflite",), self.sizes, self.precisions, calibrate, litert=Path(self.litert))
        plan.check_sizes(self.architecture.multiple)
        if "float32" not in self.precisions:
            raise UserError("--precision lacks float32, which the others are compared with; add it")
        if self.onnx is not None:
            check_onnx(["tf2onnx"])

    @property
    def architecture(self):
        """The generator's architecture."""
        return architecture_of(read_header(self.generator), self.generator)


def benchmark_export(settings: ExportSettings, show) -> dict:
    """Converts, then times each file, one run of each in a round; returns plain values for JSON."""
    generator = load_generator(settings.generator)
    photos = read_photos(Path(settings.calibrate), _CALIBRATION_PHOTOS, "--calibrate") if settings.calibrate else None
    result = {"machine": describe_machine(), "settings": asdict(settings), "tables": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        show("writing a SavedModel")
        architecture = settings.architecture
        card = card_of({}, architecture.title, {})
        write_saved_model(folder / "saved_model", generator, card, architecture.multiple)
        if settings.onnx is not None:
            show("writing ONNX")
            (folder / "generator.onnx").write_bytes(convert_onnx(generator, card))
        for size in settings.sizes:
            show(f"converting to TFLite at {size}")
            models = _models(settings, generator, photos, folder, size)
            for threads in settings.threads:
                show(f"{settings.rounds} rounds at {size}x{size}, {threads} threads")
                result["tables"].append(_table(settings, models, size, threads))
        show("operators")
        path = folder / f"float32_{settings.sizes[-1]}.tflite"
        result["operators"] = {"size": settings.sizes[-1], "rows": profile_operators(path, settings.litert)}
        path = folder / f"plain_{settings.sizes[-1]}.tflite"
        result["operators"]["plain_rows"] = profile_operators(path, settings.litert)
    return result


def plain_generator(weights):
    """Builds the generator the straightforward way: LADE with a second feature map, attention over one axis."""

    def as_written(layer):
        return _PlainAttention(layer) if isinstance(layer, ExternalAttention) else layer

    return tf.keras.models.clone_model(load_generator(weights, lade="direct"), clone_function=as_written)


class _PlainAttention(tf.keras.layers.Layer):
    """External attention over [N, H*W, C], with TensorFlow's softmax."""

    def __init__(self, layer):
        super().__init__(name=layer.name)
        self.layer = layer

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        layer = self.layer
        logits = tf.reshape(layer.project_in(inputs), [1, -1, channels]) @ layer.kernel  # [1, H*W, memory]
        weights = tf.transpose(tf.nn.softmax(tf.transpose(logits, [0, 2, 1])), [0, 2, 1])
        weights /= 1e-9 + tf.reduce_sum(weights, axis=2, keepdims=True)
        x = tf.reshape(tf.matmul(weights, layer.kernel, transpose_b=True), [1, height or -1, width or -1, channels])
        return tf.nn.leaky_relu(layer.norm(layer.project_out(x), training=False) + inputs, 0.2)


def _models(settings, generator, photos, folder, size):
    """Writes the files of one size; returns {name: (kind, Python, path)}, the plain conversion first."""
    plain = folder / f"plain_{size}.tflite"
    twin = plain_generator(settings.generator)
    photo = tf.keras.Input((size, size, 3), batch_size=1)
    plain.write_bytes(convert_as_it_is(tf.keras.Model(photo, twin(photo)), size))
    models = {PLAIN: ("litert", settings.litert, plain)}
    calibration = None if photos is None else fitted(photos, (size, size))
    for precision, content in convert_tflite(generator, size, settings.precisions, calibration).items():
        path = folder / f"{precision}_{size}.tflite"
        path.write_bytes(content)
        models[f"litert {precision}"] = ("litert", settings.litert, path)
    if settings.onnx is not None:
        models["onnxruntime float32"] = ("onnx", settings.onnx, folder / "generator.onnx")
    models["tensorflow float32"] = ("saved_model", sys.executable, folder / "saved_model")
    return models


def _table(settings, models, size, threads):
    with contextlib.ExitStack() as stack:
        servers = {
            name: stack.enter_context(_Server(kind, python, path, threads, size))
            for name, (kind, python, path) in models.items()
        }
        seconds = {name: [] for name in servers}
        for i in range(settings.rounds):
            for name in list(servers)[:: 1 if i % 2 == 0 else -1]:  # in turns, as in `timing.take_turns`
                seconds[name].append(servers[name].run())
        reports = {name: server.close() for name, server in servers.items()}
    timings = {name: Timing(tuple(wall for wall, _ in values)) for name, values in seconds.items()}
    cpu = {name: Timing(tuple(used for _, used in values)) for name, values in seconds.items()}
    rows = []
    for name, timing in timings.items():
        compared = {"times_as_fast": _ratio(timings[PLAIN], timing), "times_less_cpu": _ratio(cpu[PLAIN], cpu[name])}
        rows.append({"name": name, **timing.to_dict(), "cpu_ms": 1e3 * cpu[name].median, **compared, **reports[name]})
    return {"size": size, "threads": threads, "rows": rows}


def _ratio(slower, faster):
    """The ratio of two files' times, from the runs of each round."""
    found = ratios(slower, faster)
    return {"median": statistics.median(found), "low": min(found), "high": max(found)}


class _Server:
    """A `model_server.py` process, as a context."""

    def __init__(self, kind, python, path, threads, size):
        command = [python, SERVER, kind, path, threads, size]
        self._process = subprocess.Popen(
            list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._name = f"{kind} with {python}"

    def __enter__(self):
        self._read("ready")
        return self

    def run(self):
        """Runs the model once; returns wall seconds, and CPU seconds of all threads."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return tuple(map(float, self._read().split()))

    def close(self):
        """Ends the process; returns its report."""
        self._process.stdin.close()
        return json.loads(self._read())

    def _read(self, expected=None):
        line = self._process.stdout.readline().strip()
        if not line or (expected and line != expected):
            lines = self._process.stderr.read().strip().splitlines() or ["it ended"]
            raise UserError(f"{self._name} failed: {lines[-1]}")
        return line

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            with contextlib.suppress(OSError):
                stream.close()
