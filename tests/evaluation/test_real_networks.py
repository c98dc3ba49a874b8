"""FID's features and LPIPS with the real networks, against the numbers of pytorch-fid, clean-fid and lpips.

tools/reference_metrics.py computed those once, with the same weights, in an environment of its own.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.wheels import wheel
from PIL import Image
from reference_metrics import COUNT, PAIRS, pictures

from animegan3_tf.evaluation.distances import frechet_distance
from animegan3_tf.evaluation.features import FeatureStore, load_features
from animegan3_tf.evaluation.image_scores import load_perceptual_distance
from animegan3_tf.models.network_files import NETWORKS

REFERENCE = Path(__file__).with_name("reference.json")
INCEPTION, LPIPS = (NETWORKS[name].file for name in ("inception-2015", "lpips"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("pictures")
    pictures(made)
    return made


@pytest.fixture(scope="module")
def numbers():
    return json.loads(REFERENCE.read_text())


def features_of(inputs, folder, target):
    store = FeatureStore(load_features(f"{inputs}:{wheel(INCEPTION)}"), target / "cache")
    return store.features(sorted(folder.glob("*.png")), target / "rows").rows


@pytest.mark.slow
def test_features_are_those_of_pytorch_fid(folder, tmp_path):
    found = features_of("inception-2015-pytorch", folder / "five", tmp_path)
    with np.load(REFERENCE.with_suffix(".npz")) as stored:
        expected = stored["features"]
    assert found.shape == expected.shape == (5, 2048)
    assert np.abs(found - expected).mean() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("inputs", "package", "tolerance"),
    [("inception-2015-pytorch", "pytorch_fid", 1e-3), ("inception-2015", "clean_fid", 1e-2)],
)
def test_fid_is_that_of_the_package(folder, tmp_path, numbers, inputs, package, tolerance):
    for kind in "ab":
        (tmp_path / kind).mkdir()
    found = [features_of(inputs, folder / kind, tmp_path / kind) for kind in "ab"]
    assert [len(rows) for rows in found] == [COUNT, COUNT]
    assert frechet_distance(*found) == pytest.approx(numbers[package], rel=tolerance)


@pytest.mark.parametrize(("specification", "net"), [("lpips", "alex"), ("lpips-vgg", "vgg")])
def test_lpips_is_that_of_the_package(folder, numbers, specification, net):
    distance = load_perceptual_distance(f"{specification}:{wheel(LPIPS)}")
    assert distance.is_lpips
    pairs = [
        [np.asarray(Image.open(folder / "pairs" / f"{number}{side}.png")) for side in "ab"]
        for number in range(len(PAIRS))
    ]
    np.testing.assert_allclose([distance(*pair) for pair in pairs], numbers["lpips"][net], atol=1e-4)
