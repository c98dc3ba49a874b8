import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.training.trainer import Failure, Guard


def checked(guard, loss):
    """A compiled step that the guard watches."""

    @tf.function
    def step(number, loss, pictures):
        guard.check(number, {"loss": loss, "color": tf.constant(2.0)}, {"photo": pictures})
        return loss

    return step(tf.constant(6, tf.int64), tf.constant(loss), tf.constant([[0.5, -1.0]]))


def test_a_sound_step_goes_on():
    guard = Guard()
    assert float(checked(guard, 1.5)) == 1.5
    assert guard.failure is None


@pytest.mark.parametrize("loss", [np.nan, np.inf, -np.inf])
def test_a_broken_step_ends_with_an_error_and_is_kept(loss):
    guard = Guard()
    with pytest.raises(tf.errors.OpError):
        checked(guard, loss)
    assert guard.failure.step == 6
    assert guard.failure.values["color"] == 2.0
    np.testing.assert_equal(guard.failure.values["loss"], loss)
    np.testing.assert_array_equal(guard.failure.batch["photo"], [[0.5, -1.0]])


def test_a_failure_names_what_was_not_finite():
    batch = {"photo": np.array([0.0, np.nan]), "anime": np.zeros(2)}
    failure = Failure(3, {"loss": np.inf, "color": 1.0, "content": np.nan}, batch)
    assert failure.causes == ["loss", "content"]
    assert failure.broken_images == ["photo"]
