"""Files of other runtimes run in a process of their own, whose end is not that of this one."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.exported import open_in_onnx_runtime
from animegan3_tf.models.runtime import open_runtime
from animegan3_tf.models.trust import trusted
from animegan3_tf.stylizer.model import stylizer_of

PHOTO = np.linspace(-1, 1, 16 * 16 * 3, dtype=np.float32).reshape(1, 16, 16, 3)


def onnx_file(path, *nodes, tensors=()):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "H", "W", 3]) for name in ("photo", "anime")]
    graph = helper.make_graph(list(nodes), "g", ends[:1], ends[1:], list(tensors))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def workers():
    """The processes that run files for this one."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(one) for one in children if b"run_worker" in Path(f"/proc/{one}/cmdline").read_bytes()}


def test_both_places_draw_the_same(tmp_path):
    path = onnx_file(tmp_path / "m.onnx", helper.make_node("Neg", ["photo"], ["anime"]))
    with trusted():
        before = workers()
        here = open_in_onnx_runtime(path).forward(PHOTO)
        assert workers() == before
    apart = open_in_onnx_runtime(path)
    np.testing.assert_array_equal(apart.forward(PHOTO), here)
    larger = np.repeat(PHOTO, 5, axis=1)
    np.testing.assert_array_equal(apart.forward(larger), -larger)
    np.testing.assert_array_equal(apart.forward(PHOTO), here)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the process in /proc")
def test_a_crash_is_an_error_and_the_next_photo_is_drawn(tmp_path):
    path = onnx_file(tmp_path / "m.onnx", helper.make_node("Neg", ["photo"], ["anime"]))
    model, other = open_in_onnx_runtime(path), open_in_onnx_runtime(path)
    model.forward(PHOTO)
    for process in workers():
        os.kill(process, signal.SIGSEGV)
    with pytest.raises(UserError, match=r"m\.onnx' failed: its runtime crashed \(SIGSEGV\)"):
        model.forward(PHOTO)
    np.testing.assert_array_equal(model.forward(PHOTO), -PHOTO)
    for _ in range(2):  # one that never drew is not started again
        with pytest.raises(UserError, match="its runtime crashed"):
            other.forward(PHOTO)


def test_what_the_runtime_raises_is_one_line(tmp_path):
    doubled = helper.make_node("Concat", ["photo", "photo"], ["anime"], axis=1)
    with pytest.raises(UserError, match=r"failed: it gave float32 \[1, 32, 16, 3\] for float32 \[1, 16, 16, 3\]"):
        open_in_onnx_runtime(onnx_file(tmp_path / "m.onnx", doubled)).forward(PHOTO)
    shape = numpy_helper.from_array(np.array([1, 7, 7, 3]), "s")
    unfit = helper.make_node("Reshape", ["photo", "s"], ["anime"])
    with pytest.raises(UserError) as caught:
        open_in_onnx_runtime(onnx_file(tmp_path / "m.onnx", unfit, tensors=[shape])).forward(PHOTO)
    assert "Reshape" in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system limits no process's memory")
def test_a_small_file_does_not_get_large_memory(tmp_path):
    size = numpy_helper.from_array(np.array([4_000_000_000]), "s")
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["c"]),
        helper.make_node("ReduceMax", ["c"], ["r"], keepdims=0),
        helper.make_node("Add", ["photo", "r"], ["anime"]),
    ]
    with pytest.raises(UserError, match=r"alloc|fit in memory"):  # by version, as it is opened or as it draws
        stylizer_of(open_in_onnx_runtime(onnx_file(tmp_path / "m.onnx", *nodes, tensors=[size])))(
            np.zeros((32, 32, 3), np.uint8)
        )


def test_a_file_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"m\.onnx"):
        open_runtime("ONNX", tmp_path / "m.onnx")
