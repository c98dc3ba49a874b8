import hashlib
import sys

import numpy as np
import pytest
from helpers.tf1_files import golden_checkpoint, golden_pictures, random_variables, write_checkpoint

from animegan3_tf.cli import main
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.export import ExportPlan, export_generator
from animegan3_tf.models.published import CHECKPOINTS, import_generator
from animegan3_tf.models.weights import load_generator
from animegan3_tf.models.weights_file import read_header
from animegan3_tf.stylizer.model import load_stylizer


def run_import(monkeypatch, *arguments):
    """The exit status of `animegan3 import`."""
    monkeypatch.setattr(sys, "argv", ["animegan3", "import", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def levels(image):
    """[-1, 1] as uint8."""
    return np.rint((image + 1.0) * 127.5).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("named", [["animegan2"], []])
def test_the_header_says_what_it_is_and_where_from(tmp_path, monkeypatch, capsys, named):
    prefix = write_checkpoint(tmp_path / "Hayao-99.ckpt", random_variables("animegan2"))
    out = tmp_path / "w.h5"
    assert run_import(monkeypatch, *named, prefix, "-o", out) == 0
    assert capsys.readouterr().out == f"{out}: animegan2, 2,143,552 parameters\n"
    header = read_header(out)
    assert (header["architecture"], header["resize"], header["source"]) == ("animegan2", "legacy", "Hayao-99.ckpt")
    names = ["Hayao-99.ckpt.data-00000-of-00001", "Hayao-99.ckpt.index"]
    assert header["sha256"] == {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in names}


def test_one_file_is_imported_at_a_time(tmp_path, monkeypatch, capsys):
    assert run_import(monkeypatch, "animegan2", "a.pb", "b.pb", "-o", tmp_path / "w.h5") == 1
    assert "import takes one file, with its architecture before it, not animegan2 a.pb b.pb" in capsys.readouterr().err


def test_a_checkpoint_that_does_not_fit_is_one_line_and_leaves_no_file(tmp_path, monkeypatch, capsys):
    variables = random_variables("animegan1")
    del variables["generator/G_MODEL/b1/Conv/weights"]
    prefix = write_checkpoint(tmp_path / "g", variables)
    assert run_import(monkeypatch, "animegan1", prefix, "-o", tmp_path / "w.h5") == 1
    errors = capsys.readouterr().err
    assert "does not fit animegan1: generator/G_MODEL/b1/Conv/weights is missing" in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "w.h5").exists()


@pytest.mark.slow
@pytest.mark.parametrize("architecture", CHECKPOINTS)
def test_an_imported_generator_stylises_as_the_original(architecture, tmp_path, monkeypatch):
    out = tmp_path / "w.h5"
    assert run_import(monkeypatch, architecture, golden_checkpoint(architecture), "-o", out) == 0
    photos, images, tolerance = golden_pictures(architecture)
    photo, expected = photos[:1], images[:1]
    write_image(tmp_path / "photo.png", levels(photo[0]))
    rgb = read_image(tmp_path / "photo.png").rgb
    np.testing.assert_array_equal(rgb, np.round((photo[0] + 1.0) * 127.5))  # the photo is one of 8 bits
    anime = load_stylizer(out)(rgb)
    assert np.abs(anime.astype(int) - levels(expected[0]).astype(int)).max() <= 1
    np.testing.assert_allclose(load_generator(out)(photo), expected, atol=tolerance)


@pytest.mark.slow
def test_an_imported_generator_exports(tmp_path):
    """At a size that is a multiple of 4 alone; each file is compared with the Keras model as it is written."""
    prefix = write_checkpoint(tmp_path / "g", random_variables("animegan2"))
    import_generator("animegan2", prefix, tmp_path / "w.h5")
    files = export_generator(tmp_path / "w.h5", tmp_path / "exported", ExportPlan(sizes=(20,)))
    names = ["saved_model", "generator_20_float32.tflite", "generator_dynamic_float32.tflite"]
    assert [file.path.name for file in files] == names
    with pytest.raises(UserError, match="--size is 22; it must be a multiple of 4"):
        export_generator(tmp_path / "w.h5", tmp_path / "exported", ExportPlan(sizes=(22,)))
