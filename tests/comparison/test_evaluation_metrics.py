import numpy as np
import pytest
from helpers.prepared_folders import picture
from helpers.tiny_training import write_pictures

from animegan3_tf.common.images import write_image
from animegan3_tf.comparison.compare import EvaluationMetrics
from animegan3_tf.evaluation.features import FeatureNetwork
from animegan3_tf.evaluation.measures import Measures


def test_scores_are_in_the_pairs_order_and_features_are_made_once(tmp_path):
    """52 photos; the first method has them themselves, in another order, the second their negatives."""
    computed = []

    def forward(batch):
        computed.append(len(batch))
        return batch.mean(axis=(1, 2)) / 255

    network = FeatureNetwork("mean colour", "pixels", "0" * 64, 16, "bilinear, antialiased", 3, forward)
    metrics = EvaluationMetrics(Measures(network, None, None, None, None, tmp_path / "cache", replicates=0))
    photos = write_pictures(tmp_path / "photo", 52)
    anime = write_pictures(tmp_path / "anime", 50, first=100)
    for i in range(52):
        write_image(tmp_path / "negative" / f"{i:02d}.png", 255 - picture(i, 24))
    (anime / "broken.png").write_bytes(b"nothing")
    names = [f"{i:02d}.png" for i in reversed(range(52))]
    same = metrics({photos / name: photos / name for name in names}, anime)
    assert sum(computed) == 102
    other = metrics({tmp_path / "negative" / name: photos / name for name in names}, anime)
    assert sum(computed) == 154
    results = [{result.key: result.value for result in measured.results} for measured in (same, other)]
    assert results[0]["frechet_photos"] == pytest.approx(0.0, abs=1e-9)
    assert results[0]["frechet_anime"] < results[1]["frechet_anime"]
    assert len(same.rejected) == 1
    assert "broken.png" in same.rejected[0]
    photo = picture(51, 24).astype(float)
    assert other.scores["ciede2000"].shape == (52,)
    assert np.all(same.scores["ciede2000"] < 1e-12)  # CIE Lab rounds as the arrays happen to lie
    assert np.all(other.scores["ciede2000"] > 0.0)
    weights = np.array([[0.299, 0.587, 0.114]]).T / 255  # the brightness' share of the mean over Y, U and V
    brightness = np.abs((2 * photo - 255) @ weights).mean()
    assert other.scores["yuv"][0] > brightness / 3
    assert metrics.to_dict()["features"]["network"] == "mean colour"


def test_a_pair_that_cannot_be_read_has_no_scores_and_the_others_keep_theirs(tmp_path):
    network = FeatureNetwork(
        "mean colour", "pixels", "0" * 64, 16, "bilinear, antialiased", 3, lambda batch: batch.mean((1, 2))
    )
    metrics = EvaluationMetrics(Measures(network, None, None, None, None, tmp_path / "cache", replicates=0))
    photos = write_pictures(tmp_path / "photo", 3)
    (tmp_path / "broken.png").write_bytes(b"nothing")
    names = photos / "00.png", photos / "01.png", photos / "02.png"
    pairs = {tmp_path / "broken.png": names[0], names[1]: names[1], names[2]: names[1]}
    shift = metrics(pairs, photos).scores["ciede2000"]
    assert np.isnan(shift[0])
    assert shift[1] == pytest.approx(0.0, abs=1e-12)  # CIE Lab rounds as the arrays happen to lie
    assert shift[2] > 0.0


def test_without_a_network_for_features_the_pictures_own_scores_remain(tmp_path):
    metrics = EvaluationMetrics(
        Measures(None, None, None, None, None, tmp_path / "cache", {"identity": "not measured: no faces"}, replicates=0)
    )
    photos = write_pictures(tmp_path / "photo", 2)
    measured = metrics({path: path for path in photos.iterdir()}, photos)
    found = {result.key: result for result in measured.results}
    assert not any(key.startswith(("frechet", "kernel", "artfid")) for key in found)
    assert found["ciede2000"].value < 1e-12
    assert found["identity"].note == "not measured: no faces"
