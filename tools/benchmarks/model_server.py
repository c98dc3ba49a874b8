"""Keeps one exported model open in a process of its own, and runs it once for each line on stdin.

model_server.py KIND MODEL THREADS SIZE   KIND is litert, onnx or saved_model; prints the wall and CPU seconds of each
    run, and at the end of stdin a JSON object: runtime, peak_bytes, and LiteRT's `describe_graph`
model_server.py operators FOLDER REPEATS  times every .tflite file of a folder on one thread: {name: CPU seconds}

It runs in any Python that has the runtime; of the project it needs models/litert.py only.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "animegan3_tf" / "models"))
import litert

sys.path.pop(0)  # a module there has the name of PyTorch


def main(arguments):
    """Serves one model, or times operators."""
    if arguments[0] == "operators":
        print(json.dumps(time_operators(Path(arguments[1]), int(arguments[2]))))
        return
    kind, model, threads, size = arguments[0], arguments[1], int(arguments[2]), int(arguments[3])
    rows, columns = np.mgrid[:size, :size] / size * 2 - 1
    photo = np.stack([rows, columns, rows * columns], axis=-1)[None].astype(np.float32)
    run, report = {"litert": _litert, "onnx": _onnx, "saved_model": _saved_model}[kind](model, threads, photo)
    run()  # the first run, which prepares the others, is not timed
    print("ready", flush=True)
    for _ in sys.stdin:
        start, cpu_start = time.perf_counter(), time.process_time()
        run()
        print(time.perf_counter() - start, time.process_time() - cpu_start, flush=True)
    print(json.dumps({**report(), "peak_bytes": peak_bytes()}), flush=True)


def peak_bytes():
    """Returns the peak memory of this process; getrusage would include its parent's from before the fork."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def time_operators(folder, repeats):
    """Times one run of each file in CPU seconds: the least of several, which other programs disturb least."""
    found = {}
    for path in sorted(folder.glob("*.tflite")):
        interpreter, _ = litert.open_interpreter(path, threads=1)
        interpreter.allocate_tensors()
        for details in interpreter.get_input_details():
            if details["dtype"] != np.int32:  # shapes stay as they are
                interpreter.set_tensor(details["index"], np.ones(details["shape"], details["dtype"]))
        interpreter.invoke()
        taken = []
        for _ in range(repeats):
            start = time.process_time()
            interpreter.invoke()
            taken.append(time.process_time() - start)
        found[path.stem] = min(taken)
    return found


def _litert(model, threads, photo):
    interpreter, runtime = litert.open_interpreter(model, threads)
    (source,) = interpreter.get_input_details()
    if tuple(source["shape"]) != photo.shape:
        interpreter.resize_tensor_input(source["index"], photo.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], litert.to_stored(photo, source))
    return interpreter.invoke, lambda: {"runtime": runtime, **litert.describe_graph(interpreter)}


def _onnx(model, threads, photo):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"photo": photo}), lambda: {"runtime": f"onnxruntime {onnxruntime.__version__}"}


def _saved_model(model, threads, photo):
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    loaded = tf.saved_model.load(model)
    signature, batch = loaded.signatures["serving_default"], tf.constant(photo)
    runtime = f"tensorflow {tf.__version__}"
    return lambda model=loaded: signature(photo=batch)["anime"].numpy(), lambda: {"runtime": runtime}


if __name__ == "__main__":
    main(sys.argv[1:])
