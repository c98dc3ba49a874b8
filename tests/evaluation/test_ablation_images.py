import shutil

import numpy as np
import pytest
from helpers.tiny_checkpoints import HEADER, plain_stylizer
from helpers.tiny_training import write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image
from animegan3_tf.evaluation import ablation
from animegan3_tf.evaluation.ablation import Generator, UnfitGenerator, draw_checkpoint, stylizer_from
from animegan3_tf.evaluation.drawn import RECORD


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """Draws with a generator of one value: ((written, kept, failed), how many were stylised)."""
    write_pictures(tmp_path / "photo", 3)
    write_pictures(tmp_path / "photo" / "below", 1, first=7)
    calls = []
    monkeypatch.setattr(ablation, "stylizer_from", plain_stylizer(calls))

    def draw(value=0.5):
        calls.clear()
        generator = Generator(tmp_path / "x.h5", HEADER, {"main_value": np.float32([value])})
        found = draw_checkpoint(generator, tmp_path / "photo", tmp_path / "out")
        return (found.written, found.kept, len(found.failures)), len(calls)

    return draw


def pictures(folder):
    return {path.relative_to(folder).as_posix(): read_image(path).rgb for path in folder.rglob("*.png")}


def test_what_stands_is_not_drawn_again(drawn, tmp_path):
    assert drawn() == ((4, 0, 0), 4)
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")}
    assert drawn() == ((0, 4, 0), 0)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.png")} == first
    photos = pictures(tmp_path / "photo")
    for name, rgb in pictures(tmp_path / "out").items():
        np.testing.assert_array_equal(rgb, photos[name] // 2)


def test_other_weights_draw_everything_again(drawn, tmp_path):
    drawn(0.25)
    assert drawn(0.5) == ((4, 0, 0), 4)
    np.testing.assert_array_equal(pictures(tmp_path / "out")["00.png"], pictures(tmp_path / "photo")["00.png"] // 2)


def test_a_changed_photo_or_picture_is_drawn_again(drawn, tmp_path):
    drawn()
    shutil.copy(tmp_path / "photo" / "01.png", tmp_path / "photo" / "00.png")
    assert drawn() == ((1, 3, 0), 1)
    shutil.copy(tmp_path / "photo" / "01.png", tmp_path / "out" / "02.png")
    assert drawn() == ((1, 3, 0), 1)
    (tmp_path / "out" / "below" / "00.png").unlink()
    assert drawn() == ((1, 3, 0), 1)
    photos = pictures(tmp_path / "photo")
    for name, rgb in pictures(tmp_path / "out").items():
        np.testing.assert_array_equal(rgb, photos[name] // 2)


def test_a_killed_process_left_half_a_line_and_a_picture_without_one(drawn, tmp_path):
    drawn()
    record = tmp_path / "out" / RECORD
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(lines[:3]) + lines[3][:20])
    assert drawn() == ((2, 2, 0), 2)
    assert drawn() == ((0, 4, 0), 0)


def test_pictures_of_photos_that_have_gone_go_too(drawn, tmp_path):
    drawn()
    (tmp_path / "photo" / "00.png").unlink()
    (tmp_path / "photo" / "01.png").write_bytes(b"nothing")
    assert drawn() == ((0, 2, 1), 0)
    assert sorted(pictures(tmp_path / "out")) == ["02.png", "below/00.png"]


def test_somebody_elses_picture_is_neither_measured_nor_removed(drawn, tmp_path):
    write_pictures(tmp_path / "out", 4)
    with pytest.raises(UserError, match=r"03\.png' was not drawn by this evaluation; remove it, or name another -o"):
        drawn()
    assert len(pictures(tmp_path / "out")) == 4


@pytest.mark.parametrize("text", ["", "[]\n", "{}\n{}\n", '{"generator_sha256": 1}\n[1]\n', "\x00\n"])
def test_a_record_that_says_nothing(drawn, tmp_path, text):
    drawn()
    (tmp_path / "out" / RECORD).write_text(text)
    assert drawn() == ((4, 0, 0), 4)


def test_weights_that_fit_no_network_are_named_by_their_own_file(tmp_path):
    write_pictures(tmp_path / "photo", 1)
    generator = Generator(tmp_path / "state-000005.h5", HEADER, {"main_value": np.float32([0.5])})
    with pytest.raises(ablation.UnfitGenerator, match=r"state-000005\.h5' do not fit the generator"):
        draw_checkpoint(generator, tmp_path / "photo", tmp_path / "out")


def test_weights_that_fit_no_network_are_named_by_their_file(tmp_path):
    generator = Generator(tmp_path / "state-000010.h5", HEADER, {"main_value": np.float32([1.0])})
    with pytest.raises(UnfitGenerator, match=r"weights '.*state-000010\.h5' do not fit the generator: "):
        stylizer_from(generator)
