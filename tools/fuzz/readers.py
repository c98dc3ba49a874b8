"""The child process: reads the files whose paths come on stdin, and writes a line of JSON for each."""

import json
import os
import resource
import sys
import traceback
from pathlib import Path

from animegan3_tf.common.console import quiet_tensorflow
from animegan3_tf.common.errors import UserError

_LEAST = 6 * 2**30  # of memory of its own: the machine stays usable whatever a file claims


def _picture(path):
    from animegan3_tf.common.images import image_size, read_image, thumbnail

    yield lambda: image_size(path)
    yield lambda: read_image(path)
    yield lambda: thumbnail(path, 16)


def _model(path):
    import numpy as np

    from animegan3_tf.models.model import kind_of, open_model
    from animegan3_tf.stylizer.model import stylizer_of

    photo = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
    path = next(path.glob("*.index")).with_suffix("") if path.is_dir() and list(path.glob("*.index")) else path
    yield lambda: stylizer_of(open_model(path))(photo)
    kind = kind_of(path)
    if kind is not None and kind.describe is not None:
        yield lambda: kind.describe(path)


def _perceptual(family):
    def read(path):
        from animegan3_tf.models.perceptual import load_perceptual

        yield lambda: load_perceptual(f"{family}:{path}")

    return read


def _torch(path):
    from animegan3_tf.models.torch import TorchFile

    def arrays():
        with TorchFile(path) as file:
            return dict(file.state_dict())

    yield arrays


def _state(path):
    from animegan3_tf.training.state import newest_state, read_state

    yield lambda: read_state(path)
    yield lambda: newest_state(path.parent, show=lambda line: None)


def _toml(path):
    from animegan3_tf.styles.style import load_style

    yield lambda: load_style(path)


def _json(path):
    """Reads the file as what its name says."""
    from fuzz.seeds import READ_AS

    yield lambda: READ_AS[path.name](path)


MODELS = ("h5", "tflite", "onnx", "saved_model", "pb", "checkpoint")
READERS = {
    "picture": _picture,
    **dict.fromkeys(MODELS, _model),
    "npz": _perceptual("resnet18"),
    "npy": _perceptual("vgg19"),
    "torch": _torch,
    "state": _state,
    "toml": _toml,
    "json": _json,
}
_WITH_TENSORFLOW = {*MODELS, "npz", "npy", "torch", "state"}


def judge(read, path):
    """Runs the steps of `read` on a file; returns (outcome, detail), the worst of them."""
    outcome, detail = "read", ""
    for step in read(path):
        try:
            step()
        except UserError as error:
            message = str(error)
            if not message.isprintable():
                return "message", repr(message)
            outcome, detail = "refused", message
        except BaseException:
            return "traceback", traceback.format_exc(limit=-3)
    return outcome, detail


def _peak():
    """The most memory since the last call, of this process and those that it has started, in MB."""
    total = 0
    for process in ("self", *_children()):
        try:
            status = Path(f"/proc/{process}/status").read_text()
            total += next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)
            Path(f"/proc/{process}/clear_refs").write_text("5")
        except OSError:
            pass
    return total // 1024


def _children():
    try:
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return []


def main(kind):
    """Reads until stdin ends."""
    quiet_tensorflow()
    resource.setrlimit(resource.RLIMIT_DATA, (_LEAST, _LEAST))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    if kind in _WITH_TENSORFLOW:
        import tensorflow  # noqa: F401  # before the clock runs
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        _peak()
        outcome, detail = judge(READERS[kind], Path(line.rstrip("\n")))
        answer = {"outcome": outcome, "detail": detail, "megabytes": _peak()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
