import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.face_align import Face
from animegan3_tf.data.face_detector import CenterCrop, GivenBoxes

PICTURES = [np.zeros((20, 30, 3), np.uint8)] * 3


def test_csv(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(
        "file,left,top,right,bottom,confidence,left_eye_x,left_eye_y,right_eye_x,right_eye_y\n"
        "a.png,1,2,11,12.5,0.75,3,4,8,5\n"
        "sub/b.png,0,0,5,5,,,,,\n"
        "a.png,20,2,30,12,,,,,\n",
        encoding="utf-8-sig",  # as spreadsheets write it
    )
    assert GivenBoxes(path)(PICTURES, ["a.png", "none.png", "sub/b.png"]) == [
        [Face((1, 2, 11, 12.5), 0.75, ((3, 4), (8, 5))), Face((20, 2, 30, 12))],
        [],
        [Face((0, 0, 5, 5))],
    ]


def test_json(tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text('{"a.png": [[1, 2, 11, 12], {"left": 0, "top": 0, "right": 5, "bottom": 5, "confidence": 0.5}]}')
    assert GivenBoxes(path)(PICTURES[:1], ["a.png"]) == [[Face((1, 2, 11, 12)), Face((0, 0, 5, 5), 0.5)]]


def test_other_boxes_are_other_settings(tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text("{}")
    first = GivenBoxes(path).settings
    assert GivenBoxes(path).settings == first
    path.write_text('{"a.png": [[1, 2, 11, 12]]}')
    assert GivenBoxes(path).settings != first


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "file,left,top\na.png,1,2\n", "have no column right, bottom; add it"),
        ("a.csv", "", "have no column file, left"),
        ("a.csv", "file,left,top,right,bottom\na.png,1,2,3,4\nb.png,5,2,3,4\n", "line 3: no box"),
        ("a.csv", "file,left,top,right,bottom\na.png,1,2,x,4\n", "line 2: no box"),
        ("a.csv", "file,left,top,right,bottom\na.png,1,2\n", "line 2: no box"),
        ("a.csv", "file,left,top,right,bottom,left_eye_x\na.png,1,2,3,4,5\n", "line 2: no box; give left < right"),
        ("a.csv", "file,left,top,right,bottom\n,1,2,3,4\n", "line 2: no file"),
        ("a.json", '{"a.png": [[1, 2, 3, NaN]]}', "face 1 of 'a.png': no box"),
        ("a.json", '{"a.png": [[1, 2, 3]]}', "face 1 of 'a.png': no box"),
        ("a.json", '{"a.png": [7]}', "neither CSV nor JSON"),
        ("a.json", "[1]", "neither CSV nor JSON"),
        ("a.json", "{", "neither CSV nor JSON"),
    ],
)
def test_what_is_refused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=words) as caught:
        GivenBoxes(tmp_path / name)
    assert str(caught.value).isprintable()


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.csv' cannot be read"):
        GivenBoxes(tmp_path / "nowhere.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="neither CSV nor JSON"):
        GivenBoxes(tmp_path / "binary.csv")


def test_the_middle_square():
    assert CenterCrop()([np.zeros((20, 30, 3), np.uint8), np.zeros((21, 10, 3), np.uint8)]) == [
        [Face((5, 0, 25, 20))],
        [Face((0, 5.5, 10, 15.5))],
    ]
