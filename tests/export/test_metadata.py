import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.export.metadata import with_metadata
from animegan3_tf.export.plan import NOT_STATED, card_of
from animegan3_tf.models.exported import read_metadata
from animegan3_tf.models.litert import open_interpreter


@pytest.fixture(scope="module")
def doubling():
    """The bytes of a .tflite file that doubles four numbers."""
    function = tf.function(lambda x: 2 * x, [tf.TensorSpec([4])])
    return tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()]).convert()


def test_what_is_written_is_read_and_the_model_stays(doubling, tmp_path):
    card = card_of(
        {"style": "shinkai", "version": "1.2", "step": 3},
        "AnimeGANv3",
        {"author": "Ä. Nonymous", "trained_on": "stills"},
    )
    path = tmp_path / "model.tflite"
    path.write_bytes(with_metadata(doubling, card, "a photo", "a picture"))
    assert read_metadata(path) == {
        "name": "AnimeGANv3 shinkai",
        "description": "Photo to anime by the generator of AnimeGANv3. Trained on: stills.",
        "version": "1.2, step 3",
        "author": "Ä. Nonymous",
        "license": NOT_STATED,
        "input": "photo: a photo",
        "output": "anime: a picture",
    }
    interpreter, _ = open_interpreter(path)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], np.float32([1, 2, 3, 4]))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), [2, 4, 6, 8])


def test_the_published_schemas_places(doubling, tmp_path):
    """Read with nothing of ours: the root table's field 0 is the name, 5 the licence; the identifier is M001."""
    import flatbuffers
    from flatbuffers.table import Table
    from tensorflow.lite.python import schema_py_generated as schema

    content = with_metadata(doubling, card_of({}, "AnimeGANv3", {"name": "N", "license": "L"}), "", "")
    model = schema.Model.GetRootAsModel(bytearray(content), 0)
    entry = next(e for e in map(model.Metadata, range(model.MetadataLength())) if e.Name() == b"TFLITE_METADATA")
    packed = bytearray(model.Buffers(entry.Buffer()).DataAsNumpy())
    assert packed[4:8] == b"M001"
    root = Table(packed, flatbuffers.encode.Get(flatbuffers.packer.uoffset, packed, 0))
    assert [root.String(root.Offset(4 + 2 * slot) + root.Pos) for slot in (0, 5)] == [b"N", b"L"]


def test_a_file_without_metadata(doubling, tmp_path):
    (tmp_path / "plain.tflite").write_bytes(doubling)
    assert read_metadata(tmp_path / "plain.tflite") == {}


def test_a_header_speaks_where_nothing_was_given():
    header = {"style": "hayao", "license": "CC0", "author": "header"}
    card = card_of(header, "AnimeGANv2", {"author": "given", "license": None})
    assert (card.author, card.license, card.trained_on) == ("given", "CC0", NOT_STATED)
    assert (card.name, card.architecture) == ("AnimeGANv2 hayao", "AnimeGANv2")
