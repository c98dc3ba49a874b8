import numpy as np
import pytest
from helpers.prepared_folders import picture
from PIL import Image

from animegan3_tf.common.images import resize, write_image
from animegan3_tf.inspection.survey import image_stats, letterbox


def scene(height, width):
    return resize(picture(3, 64), (height, width)) // 2 + 100


def test_a_picture_is_seen_whole_though_read_small(tmp_path):
    path = tmp_path / "large.jpg"
    write_image(path, scene(600, 900))
    seen = image_stats(path)
    assert (seen.width, seen.height, seen.format, seen.mode, seen.frames) == (900, 600, "JPEG", "RGB", 1)
    assert seen.bytes == path.stat().st_size
    assert seen.histograms[3] @ np.arange(256) == pytest.approx(
        scene(600, 900).mean(axis=(0, 1)) @ [0.299, 0.587, 0.114], abs=1
    )
    assert not seen.grey
    assert seen.bars == 0


@pytest.mark.parametrize("orientation", [1, 6])
def test_sizes_are_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(scene(300, 500)).save(tmp_path / "a.jpg", exif=exif)
    seen = image_stats(tmp_path / "a.jpg")
    assert (seen.width, seen.height) == ((500, 300) if orientation == 1 else (300, 500))


def test_grey_is_seen_in_any_mode(tmp_path):
    grey = Image.fromarray(scene(100, 100)).convert("L")
    grey.save(tmp_path / "l.png")
    grey.convert("RGB").save(tmp_path / "rgb.jpg")
    assert (image_stats(tmp_path / "l.png").grey, image_stats(tmp_path / "l.png").mode) == (True, "L")
    assert (image_stats(tmp_path / "rgb.jpg").grey, image_stats(tmp_path / "rgb.jpg").mode) == (True, "RGB")


def test_an_animation_has_its_frames_counted(tmp_path):
    frames = [Image.fromarray(picture(i)) for i in range(3)]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    assert image_stats(tmp_path / "a.webp").frames == 3


def test_bars_by_hand():
    """16 of 128 rows at both ends: a quarter of the picture. The same lying on its side."""
    barred = scene(128, 160)
    barred[:16] = barred[-16:] = 4
    assert letterbox(barred) == 0.25
    assert letterbox(barred.transpose(1, 0, 2)) == 0.25


def test_what_is_dark_but_no_bar():
    one_sided, gradient = scene(128, 128), scene(128, 128)
    one_sided[:30] = 0
    ramp = np.minimum(np.arange(128), np.arange(128)[::-1])
    gradient[:] = np.minimum(ramp * 2, 255)[:, None, None]
    for image in (scene(128, 128), one_sided, gradient, np.zeros((128, 128, 3), np.uint8)):
        assert letterbox(image) == 0.0
