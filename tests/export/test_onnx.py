import importlib.util

import numpy as np
import pytest

from animegan3_tf.commands.models import describe_model
from animegan3_tf.common.errors import UserError
from animegan3_tf.export import ExportPlan, export_generator
from animegan3_tf.models.exported import check_onnx
from animegan3_tf.stylizer.model import load_stylizer

installed = all(importlib.util.find_spec(name) for name in ("tf2onnx", "onnxruntime"))
needs_onnx = pytest.mark.skipif(not installed, reason="the extra onnx is not installed")


@pytest.mark.slow
@needs_onnx
def test_an_onnx_file_draws_the_models_pictures(run, photos, tmp_path):
    plan = ExportPlan(formats=("onnx",), sizes=(32,), photos=photos, card={"author": "A. Nonymous"})
    (file,) = export_generator(run, tmp_path, plan)
    assert file.path.name == "generator.onnx"
    assert file.comparison.max_difference <= 1e-4
    levels = np.random.default_rng(1).integers(0, 256, (37, 50, 3), dtype=np.uint8)
    ours, expected = load_stylizer(file.path)(levels), load_stylizer(run)(levels)
    np.testing.assert_allclose(ours.astype(int), expected.astype(int), atol=1)
    told = describe_model(file.path)
    assert (told["kind"], told["author"]) == ("ONNX", "A. Nonymous")
    assert told["input"] == "photo: float32 [1, 'height', 'width', 3]"


@needs_onnx
def test_what_is_no_onnx_file(tmp_path):
    (tmp_path / "model.onnx").write_text("no model")
    with pytest.raises(UserError, match="not an ONNX file"):
        describe_model(tmp_path / "model.onnx")
    with pytest.raises(UserError, match="is not an ONNX file"):
        load_stylizer(tmp_path / "model.onnx")


def test_the_extra_is_named_where_it_is_missing():
    with pytest.raises(
        UserError, match=r"ONNX needs no_such_package, not installed here; pip install 'animegan3_tf\[onnx\]'"
    ):
        check_onnx(["no_such_package"])
