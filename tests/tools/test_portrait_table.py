import portrait_table
import pytest
from helpers.drawn_faces import face, landmarks

from animegan3_tf.common.images import read_image, write_image
from animegan3_tf.data.manifest import Manifest
from animegan3_tf.data.pairs import PAIRS, PairManifest
from animegan3_tf.models.weights import save_generator
from animegan3_tf.networks import build_generator
from animegan3_tf.networks.measuring import installed_classifier


@pytest.fixture
def faces(tmp_path):
    """Three pairs of drawn faces with their landmarks."""
    with Manifest(tmp_path / "faces", PAIRS) as records:
        book = PairManifest(records, {"size": 128})
        for number, skin in enumerate([(250, 225, 210), (150, 95, 70), (200, 150, 120)]):
            for kind in ("photo", "anime"):
                write_image(tmp_path / "faces" / kind / f"{number}.png", face(skin=skin, size=128))
            record = {"photo_sha256": str(number), "margin": None, "landmarks": landmarks(128)}
            book.enter(str(number), f"{number}.png", {str(number): record}, [])
    return tmp_path / "faces"


@pytest.mark.slow
def test_a_row_a_model_and_one_for_the_untouched_photos(faces, tmp_path, capsys):
    pytest.importorskip("dlib", reason="the extra 'identity' is not installed")
    if installed_classifier() is None:
        pytest.skip("the wheel anime-or-not is not installed")
    save_generator(tmp_path / "one.h5", build_generator("main"))
    sheet = tmp_path / "sheet-{size}.png"
    arguments = [str(faces), "--size", "64,128", "--model", f"one={tmp_path / 'one.h5'}", "--sheet", str(sheet)]
    assert portrait_table.main(arguments) == 0
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row[:2] for row in rows] == [
        ["| 64", "untouched photo"], ["| 64", "one"], ["| 128", "untouched photo"], ["| 128", "one"],
    ]  # fmt: skip
    for row in rows[::2]:  # photos against themselves
        assert row[2:5] == ["100 %", "0.0", "1.00"]
    assert read_image(tmp_path / "sheet-64.png").rgb.shape == (3 * 192 + 8, 2 * 192 + 4, 3)


def test_a_folder_without_faces_is_one_line(tmp_path, capsys):
    with Manifest(tmp_path / "none", PAIRS) as records:
        record = {"photo_sha256": "0", "margin": None, "landmarks": None}
        PairManifest(records, {}).enter("0", "0.png", {"0": record}, [])
    assert portrait_table.main([str(tmp_path / "none")]) == 1
    assert "holds 0 faces with landmarks; at least 2 are needed" in capsys.readouterr().err
