import numpy as np
import tensorflow as tf
from helpers.golden import golden
from helpers.upstream import discriminator_variables, load_golden_discriminator

from animegan3_tf.models.weights import weight_name
from animegan3_tf.networks import build_discriminator


def golden_discriminator():
    arrays = np.load(golden("v3", "discriminator.npz"))
    model = build_discriminator()
    load_golden_discriminator(model, arrays)
    return arrays, model


def test_logits_are_the_original_codes_over_three_calls():
    arrays, model = golden_discriminator()
    for name in ("logit", "logit_second_call", "logit_third_call"):
        np.testing.assert_allclose(model(arrays["input"], training=True), arrays[name], atol=1e-4)


def test_power_iteration_advances_as_in_the_original_code_and_rests_outside_training():
    arrays, model = golden_discriminator()
    model(arrays["input"], training=False)
    ours = {weight_name(w): w for w in model.weights}
    names = {o: t for o, t in discriminator_variables().items() if o.endswith("sn_u")}
    for own, theirs in names.items():
        np.testing.assert_array_equal(ours[own], arrays[f"var:{theirs}"])
    model(arrays["input"], training=True)
    for own, theirs in names.items():
        np.testing.assert_allclose(ours[own], arrays[f"u_after_one_call:{theirs}"], atol=1e-5)


def test_gradients_run_through_the_singular_value_as_in_the_original_code():
    arrays, model = golden_discriminator()
    image = tf.constant(arrays["input"])
    with tf.GradientTape() as tape:
        tape.watch(image)
        loss = tf.reduce_mean(tf.square(model(image, training=True) - 0.9))
    np.testing.assert_allclose(loss, arrays["loss_mean_square_minus_0.9"], rtol=1e-4)
    kernels = model.trainable_weights
    grad_image, *grads = tape.gradient(loss, [image, *kernels])
    expected = arrays["grad_input"]
    assert np.linalg.norm(grad_image - expected) < 1e-3 * np.linalg.norm(expected)
    names = discriminator_variables()
    for kernel, grad in zip(kernels, grads):
        theirs = arrays[f"grad_l2:{names[weight_name(kernel)]}"]
        np.testing.assert_allclose(np.linalg.norm(grad), theirs, rtol=1e-3)


def test_one_logit_per_eighth():
    assert build_discriminator()(tf.zeros([2, 24, 16, 3])).shape == (2, 3, 2, 1)
