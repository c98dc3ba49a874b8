import numpy as np

from animegan3_tf.common.images import write_image
from animegan3_tf.data.targets import anime_targets, photo_targets
from animegan3_tf.inspection.survey import shown, survey_folder
from animegan3_tf.reports.data import paths_of, strip
from animegan3_tf.reports.html import TILE


def flat(*levels, size=(40, 40)):
    return np.full((*size, 3), levels, np.uint8)


def middles(sheet):
    """The colour in the middle of each tile."""
    return [tuple(sheet[TILE // 2, left + TILE // 2]) for left in range(0, sheet.shape[1], TILE + 4)]


def test_a_picture_stands_before_its_targets_and_grey_where_one_is_missing(tmp_path):
    write_image(tmp_path / "photo" / "deep" / "a.jpg", flat(200, 30, 40))
    write_image(tmp_path / "photo_l0" / "deep" / "a.png", flat(1, 2, 3))
    found = middles(strip(tmp_path / "photo" / "deep" / "a.jpg", photo_targets(tmp_path / "photo")))
    assert np.abs(np.subtract(found[0], (200, 30, 40))).max() < 6  # a JPEG
    assert found[1:] == [(128, 128, 128), (1, 2, 3)]


def test_a_balanced_picture_stands_between(tmp_path):
    write_image(tmp_path / "style" / "a.png", flat(100, 100, 100, size=(20, 40)))
    write_image(tmp_path / "smooth" / "a.png", flat(1, 2, 3))
    stages = anime_targets(tmp_path / "style", balance={"how": "mean", "shift": [10, 0, -10]})
    sheet = strip(tmp_path / "style" / "a.png", stages)
    assert middles(sheet) == [(100, 100, 100), (110, 100, 90), (1, 2, 3)]
    assert tuple(sheet[5, TILE + 4 + 5]) == (128, 128, 128)  # the ground of a wide picture is not balanced


def test_names_with_odd_bytes_lead_back_to_their_files(tmp_path):
    path = tmp_path / "new\nline caf\udce9.png"
    write_image(path, flat(1, 2, 3))
    survey = survey_folder(tmp_path)
    assert survey.names == [shown(path, tmp_path)] == ["new\\nline caf\\udce9.png"]
    assert paths_of(survey, survey.names) == {survey.names[0]: path}
    assert paths_of(survey, ["gone.png"]) == {}
