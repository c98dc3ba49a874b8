import numpy as np
import pytest

from animegan3_tf.evaluation.distances import frechet_at_infinity, frechet_distance, least_images


def test_the_bias_of_few_generated_pictures_is_gone():
    rng = np.random.default_rng(0)
    generated, reference = rng.normal(size=(1000, 16)) + 0.1, rng.normal(size=(50_000, 16))
    truth = 16 * 0.01
    biased = frechet_distance(generated[:200], reference)
    assert biased > truth + 0.1
    assert frechet_at_infinity(generated, reference) == pytest.approx(truth, abs=0.05)


def test_too_few_pictures_are_refused():
    assert least_images(16) == 34
    with pytest.raises(ValueError, match="33 images are too few; 16 features need 34 or more"):
        frechet_at_infinity(np.zeros((33, 16)), np.zeros((100, 16)))
