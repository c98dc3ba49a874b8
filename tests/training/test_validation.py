import math
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import plain_network, tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.training.validation import Scores, Validation, spread_images, to_levels

BLACK = np.zeros((8, 8, 3), np.uint8)
HALVES = np.concatenate([BLACK[:4], BLACK[:4] + 255])  # gray of variance 1 in [-1, 1]


def halves(amplitude):
    """A picture tensor of variance `amplitude` squared."""
    return tf.constant((HALVES[None] / 127.5 - 1.0) * amplitude, tf.float32)


def scores(photos=(BLACK,), anime=(HALVES, HALVES)):
    """Features are the picture itself: the Gram matrix of a gray one holds a third of its variance throughout."""
    return Scores(plain_network(), tiny_style().perceptual["vgg19"], photos, iter(anime))


def curves(of, *tails):
    measured = [of.measure(i, {"support": support, "main": main}) for i, (support, main) in enumerate(tails)]
    return of.curves(measured)


def test_likeness_goes_from_the_photos_to_the_mean_of_the_anime():
    found = curves(scores(), (halves(0.5), halves(1.0)))
    assert found["anime_likeness_support"] == pytest.approx(0.25)  # variance 0.25 of the anime's 1; the photo has 0
    assert found["anime_likeness_main"] == pytest.approx(1.0)
    found = curves(scores(), (halves(0.0), halves(2.0)))
    assert found["anime_likeness_support"] == pytest.approx(0.0)  # as far away as the photo
    assert found["anime_likeness_main"] == pytest.approx(-2.0)  # 3 away where the photo is 1 away


def test_likeness_is_of_gray_pictures():
    """Red halves whose luma varies by a tenth: 0.2989 of the amplitude, so 0.0893 of the variance."""
    red = halves(1.0) * [1.0, 0.0, 0.0]
    assert curves(scores(), (red, red))["anime_likeness_main"] == pytest.approx(0.2989**2, abs=1e-4)


def test_likeness_weighs_photos_by_their_distance():
    """Of two photos, the one that is anime already has none to travel: the ratio is of the means."""
    found = curves(scores(photos=(BLACK, HALVES)), (halves(0.5), halves(0.5)), (halves(1.0), halves(1.0)))
    assert found["anime_likeness_main"] == pytest.approx(1 - 0.75 / 1.0)


def test_what_the_anime_pictures_score_against_each_other():
    assert scores().anime_itself == pytest.approx(1.0)
    # variances 1 and 0: each is 1 from the other, the photo is 0.5 from their mean
    assert scores(anime=(HALVES, BLACK)).anime_itself == pytest.approx(-1.0)
    assert math.isnan(scores(anime=(HALVES,)).anime_itself)


def test_photos_that_are_the_anime_have_no_likeness():
    assert math.isnan(curves(scores(photos=(HALVES,)), (halves(1.0), halves(0.5)))["anime_likeness_main"])


def test_content_distance_is_that_of_the_content_loss():
    """From -1 to half -0.5 and half 0.5: 0.5 and 1.5, so 1 in the mean; the tap's scale is 0.5."""
    found = curves(scores(), (halves(0.5), tf.fill((1, 8, 8, 3), -1.0)))
    assert found["content_distance_support"] == pytest.approx(0.5)
    assert found["content_distance_main"] == pytest.approx(0.0)


class HalfTheContrast:
    """Stands for a trainer: both tails halve the photo."""

    steps_done, phase = 3, "adversarial"

    @staticmethod
    def deployed(photo):
        return {"support": photo * 0.5, "main": photo * 0.25}


def test_a_grid_is_drawn_and_scored_and_reported(tmp_path):
    calls = []
    listener = SimpleNamespace(validated=lambda *arguments: calls.append(arguments))
    photos = [BLACK, HALVES]
    callback = Validation(2, photos, tmp_path / "samples", tmp_path / "logs", scores(photos), [listener])
    callback.set_model(HalfTheContrast())
    callback.on_train_begin()
    callback.on_train_batch_end(0)
    path = tmp_path / "samples" / "000004.png"
    grid = read_image(path).rgb
    assert grid.shape == (8 + 4 + 8, 3 * 8 + 2 * 4, 3)
    assert [grid[0, x, 0] for x in (0, 12, 24)] == [0, 64, 96]  # -1, -0.5 and -0.25 of [-1, 1], in levels
    ((step, phase, values, drawn),) = calls
    assert (step, phase, drawn, callback.acted) == (4, "adversarial", path, 4)
    assert values["anime_likeness_main"] == pytest.approx(1 - (1 + 0.9375) / 1, abs=0.02)
    (events,) = (tmp_path / "logs").glob("events.*")
    tags = {v.tag: v for e in tf.compat.v1.train.summary_iterator(str(events)) for v in e.summary.value}
    name = "anime_likeness_main"
    assert tf.make_ndarray(tags[f"validation/{name}"].tensor) == pytest.approx(values[name])
    assert "photo, support, main" in tags


def test_without_scores_pictures_are_drawn_all_the_same(tmp_path):
    calls = []
    listener = SimpleNamespace(validated=lambda *arguments: calls.append(arguments))
    Validation(2, [BLACK], tmp_path, tmp_path / "logs", listeners=[listener]).draw(HalfTheContrast(), 6)
    assert calls == [(6, "adversarial", {}, tmp_path / "000006.png")]
    assert calls[0][3].is_file()


def test_pictures_are_spread_over_the_folder(tmp_path):
    for i in range(8):
        write_image(tmp_path / f"{i}.png", np.full((16, 24, 3), i, np.uint8))
    assert [p[0, 0, 0] for p in spread_images(tmp_path, 4, 8)] == [0, 2, 4, 6]
    (tmp_path / "2.png").write_bytes(b"broken")
    found = list(spread_images(tmp_path, 4, 8))
    assert [p[0, 0, 0] for p in found] == [0, 4, 6, 1]
    assert {p.shape for p in found} == {(8, 8, 3)}


def test_the_middle_of_a_picture_is_taken(tmp_path):
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = 200
    write_image(tmp_path / "wide.png", wide)
    (picture,) = spread_images(tmp_path, 4, 8)
    np.testing.assert_array_equal(picture, np.full((8, 8, 3), 200))


def test_a_folder_of_which_nothing_can_be_read(tmp_path):
    for content in (None, b"broken"):
        if content:
            (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(UserError, match="holds no images that can be read; name another"):
            list(spread_images(tmp_path, 4, 8))


def test_only_as_many_pictures_are_read_as_there_are(tmp_path):
    assert len(list(spread_images(write_pictures(tmp_path, 3), 16, 8))) == 3


def test_levels_of_half_precision_and_beyond_the_range():
    picture = tf.constant([[[-1.5, 0.0, 1.5]]], tf.float16)
    np.testing.assert_array_equal(to_levels(picture), [[[0, 128, 255]]])
