"""The gate: kinds of model file, and what an opened model says of itself."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from animegan3_tf import stylize
from animegan3_tf.commands.models import describe_model
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.models import model as gate
from animegan3_tf.models.model import Kind, Model, accepted, is_model, kind_of, open_model, register_kind


def open_offset(path):
    """A file of one number, which is added to every value of an image."""
    try:
        offset = np.float32(path.read_text())
    except ValueError as error:
        raise UserError(f"model {str(path)!r} holds no number; write one") from error
    return Model("offset", path, lambda photo: photo + offset, {"license": "public domain"})


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setattr(gate, "_REGISTERED", [])
    register_kind(Kind("offset", "a file of one number (.offset)", lambda path: path.suffix == ".offset", open_offset))


def test_another_kind_plugs_in_with_one_registration(registered, tmp_path, call):
    (tmp_path / "half.offset").write_text("0.5")
    write_image(tmp_path / "a.png", np.full((16, 24, 3), 100, np.uint8))
    report = stylize(tmp_path / "a.png", tmp_path / "out", tmp_path / "half.offset")
    assert (report.written, report.failures) == (1, ())
    # half of the range [-1, 1] is 63.75 levels
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "a.png").rgb, np.full((16, 24, 3), 164, np.uint8))
    status, out, _ = call("stylize", tmp_path / "a.png", "-o", tmp_path / "again", "--model", tmp_path / "half.offset")
    assert status == 0
    assert "terms of the weights: public domain" in out
    told = describe_model(tmp_path / "half.offset")
    assert told == {"kind": "offset", "bytes": 3, "license": "public domain"}
    assert is_model(tmp_path / "half.offset")


def test_messages_name_a_registered_kind_among_what_is_accepted(registered, tmp_path):
    with pytest.raises(
        UserError, match=r"does not exist; name a shipped checkpoint .*, an \.onnx file or a file of one"
    ):
        open_model(tmp_path / "none.unknown")
    assert "one number" not in accepted(networks=True)
    assert accepted(networks=True).endswith(
        "a weights file (.h5) or a published file of AnimeGAN's authors (.pb, .onnx, TF.js, TensorFlow 1 checkpoint)"
    )


@pytest.mark.parametrize(
    ("files", "path", "name"),
    [
        (["w.h5"], "w.h5", "weights"),
        (["g.ckpt.index"], "g.ckpt", "published"),
        (["g.ckpt.index"], "g.ckpt.index", "published"),
        (["d/checkpoint"], "d", "published"),
        (["d/model.json"], "d", "published"),
        (["d/model.json"], "d/model.json", "published"),
        (["d/g.index"], "d", "published"),
        (["g.PB"], "g.PB", "published"),
        (["d/saved_model.pb", "d/checkpoint"], "d", "SavedModel"),
        (["m.tflite"], "m.tflite", "TFLite"),
        (["m.onnx"], "m.onnx", "ONNX"),
        (["m.txt"], "m.txt", None),
        (["d/a.png"], "d", None),
        ([], "w.h5", None),
        ([], "g.pb", None),
    ],
)
def test_a_kind_is_known_by_names_alone(tmp_path, files, path, name):
    for file in files:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).touch()
    kind = kind_of(tmp_path / path)
    assert (kind and kind.name) == name
    assert is_model(tmp_path / path) == (name is not None or not (tmp_path / path).is_dir())


def test_a_run_folder_is_a_model(tmp_path):
    assert not is_model(tmp_path)
    (tmp_path / "generator.h5").touch()
    assert is_model(tmp_path)


def test_the_digest_of_one_file_of_several_and_of_a_folder(tmp_path):
    """Old runs and folders of pairs hold these: how they are made must not change."""

    def digest(data):
        return hashlib.sha256(data).hexdigest()

    first, second = tmp_path / "b.data", tmp_path / "a.index"
    first.write_bytes(b"one")
    second.write_bytes(b"two")
    assert sha256_of(first) == digest(b"one")
    lines = f"{digest(b'two')}  a.index\n{digest(b'one')}  b.data\n"
    assert sha256_of(first, second) == digest(lines.encode())
    assert sha256_of(tmp_path) == digest(b"a.index\0twob.data\0one")
    assert Model("any", Path("m"), None, files=(second, first)).sha256 == digest(lines.encode())
    assert Model("any", tmp_path, None).bytes == 6
