import numpy as np
import pytest
import skimage.data

from animegan3_tf.common.images import read_image, write_image

PORTRAIT = skimage.data.astronaut()[:256, 100:356]


@pytest.fixture
def photos(tmp_path):
    """A portrait, and a picture without a face."""
    write_image(tmp_path / "photo" / "her.jpg", PORTRAIT)
    write_image(tmp_path / "photo" / "wall.png", skimage.data.brick()[..., None].repeat(3, axis=2))
    return tmp_path / "photo"


@pytest.mark.slow
def test_faces_of_photos(call, photos, tmp_path):
    out = tmp_path / "out"
    status, printed, errors = call("faces", photos, "-o", out)
    assert (status, errors) == (0, "")  # a photo without a face is no failure
    rejected = f"no face: 1 photos\nreasons: {out / 'rejected.json'}\n"
    assert printed == f"1 faces written to {out}, 0 photos current\n{rejected}"
    assert read_image(out / "her.png").rgb.shape == (256, 256, 3)

    (photos / "bad.jpg").write_bytes(b"broken")
    status, printed, errors = call("faces", photos, "-o", out)
    assert status == 1
    assert printed.startswith(f"0 faces written to {out}, 2 photos current\nno face: 1 photos\nunreadable: 1 photos\n")
    assert errors.startswith(f"animegan3: '{photos / 'bad.jpg'}' is not a whole")
    assert errors.count("\n") == 1


def test_given_boxes_and_center_need_no_detector(call, photos, tmp_path, monkeypatch):
    monkeypatch.setattr("animegan3_tf.data.face_detector.MtcnnDetector._search", None)
    (tmp_path / "boxes.csv").write_text("file,left,top,right,bottom\nher.jpg,80,60,170,170\n")
    options = ("--size", 64, "--margin", 0)
    assert call("faces", photos, "-o", tmp_path / "boxes", "--boxes", tmp_path / "boxes.csv", *options)[0] == 0
    assert read_image(tmp_path / "boxes" / "her.png").rgb.shape == (64, 64, 3)
    status, printed, _ = call("faces", photos, "-o", tmp_path / "center", "--center")
    assert (status, printed) == (0, f"2 faces written to {tmp_path / 'center'}, 0 photos current\n")
    original = read_image(photos / "her.jpg").rgb
    np.testing.assert_array_equal(read_image(tmp_path / "center" / "her.png").rgb, original)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--boxes", "b.csv", "--center"), "--boxes and --center exclude each other"),
        (("--boxes", "nowhere.csv"), "'nowhere.csv' cannot be read"),
        (("--size", "1"), "--size is 1; give from 8"),
        (("--min-confidence", "2"), "--min-confidence is 2.0; give from 0 to 1"),
    ],
)
def test_what_faces_refuses(call, photos, tmp_path, options, words):
    status, _, errors = call("faces", photos, "-o", tmp_path / "out", *options)
    assert status == 1
    assert words in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_stylize_face_redraws_the_face(call, photos, tmp_path):
    assert call("stylize", photos / "her.jpg", "-o", tmp_path / "plain.png", "--no-face")[0] == 0
    status, out, _ = call("stylize", photos / "her.jpg", "-o", tmp_path / "face.png", "--face")
    assert status == 0
    assert "faces drawn again: 1, in 1 of 1 photos" in out
    plain, face = (read_image(tmp_path / name).rgb.astype(int) for name in ("plain.png", "face.png"))
    assert np.abs(plain - face)[90:140, 80:170].mean() > 5
    np.testing.assert_array_equal(plain[230:], face[230:])
