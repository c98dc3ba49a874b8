import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.export import ExportPlan


@pytest.mark.parametrize(("size", "multiple"), [(0, 8), (8, 8), (100, 8), (22, 4)])
def test_sizes_the_network_cannot_take(size, multiple):
    with pytest.raises(UserError, match=f"--size is {size}; it must be a multiple of {multiple} from 16 up"):
        ExportPlan(sizes=(256, size)).check_sizes(multiple)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"formats": ("coreml",)}, "--format 'coreml' is unknown; choose from saved_model,tflite,onnx"),
        ({"precisions": ("int4",)}, "--precision 'int4' is unknown; choose from float32,float16,dynamic,int8"),
        ({"precisions": ()}, "--precision names nothing"),
        ({"precisions": ("int8",)}, "name a folder of them with --calibrate DIR"),
    ],
)
def test_what_cannot_be_exported(given, message):
    with pytest.raises(UserError, match=message):
        ExportPlan(**given)


def test_int8_needs_no_photos_where_no_tflite_file_is_written():
    ExportPlan(formats=("saved_model",), precisions=("int8",))


def test_a_python_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="name a Python that has ai-edge-litert"):
        ExportPlan(litert=tmp_path / "python")
