import numpy as np
import pytest
import tensorflow as tf
from helpers.golden import golden
from helpers.upstream import load_golden_generator

from animegan3_tf.models.weights import weight_name
from animegan3_tf.networks import build_generator, main_tail


def trainable_count(model):
    return sum(int(w.shape.num_elements()) for w in model.trainable_weights)


@pytest.mark.parametrize(("tails", "expected"), [("main", 1_027_520), ("both", 1_557_792)])
def test_trainable_parameters_are_the_published_number(tails, expected):
    assert trainable_count(build_generator(tails=tails)) == expected


@pytest.mark.parametrize("lade", ["covariance", "direct"])
@pytest.mark.parametrize(("graph", "training"), [("training", True), ("inference", False)])
def test_images_are_the_original_codes(lade, graph, training):
    arrays = np.load(golden("v3", "generator.npz"))
    model = build_generator(resize="legacy", lade=lade)
    load_golden_generator(model, graph)
    images = model(arrays["input"], training=training)
    for tail in ("support", "main"):
        np.testing.assert_allclose(images[tail], arrays[f"{graph}_{tail}"], atol=1e-4)


def test_a_training_call_moves_the_batch_norm_as_the_original_code_does():
    arrays = np.load(golden("v3", "generator.npz"))
    model = build_generator(resize="legacy")
    load_golden_generator(model)
    model(arrays["input"], training=True)
    moved = {weight_name(w): w for w in model.non_trainable_weights}
    for ours, theirs in (("moving_mean", "Variable_2"), ("moving_variance", "Variable_3")):
        expected = arrays[f"after_training_call:generator/main/External_attention/{theirs}"]
        np.testing.assert_allclose(moved[f"main_attention/norm/{ours}"], expected, atol=1e-5)


def test_the_upsampling_grid_matters():
    arrays = np.load(golden("v3", "generator.npz"))
    model = build_generator(resize="half_pixel")
    load_golden_generator(model, "inference")
    assert np.abs(model(arrays["input"])["main"] - arrays["inference_main"]).mean() > 1e-2


@pytest.mark.parametrize("size", [(16, 16), (16, 40), (64, 24)])
def test_any_multiple_of_eight_from_sixteen(size):
    model = build_generator(tails="main")
    assert model(tf.zeros([1, *size, 3])).shape == (1, *size, 3)


def test_main_tail_shares_weights_and_leaves_the_support_tail_out():
    both = build_generator()
    main = main_tail(both)
    assert trainable_count(main) == 1_027_520
    assert not any("support" in weight_name(w) for w in main.weights)
    shared = {id(w) for w in both.weights}
    assert all(id(w) in shared for w in main.weights)
    photo = tf.random.stateless_uniform([1, 16, 16, 3], seed=(1, 2))
    np.testing.assert_array_equal(main(photo), both(photo)["main"])


def test_weight_names_are_unique_and_those_of_the_one_tail_generator_a_subset():
    names = [weight_name(w) for w in build_generator().weights]
    assert len(set(names)) == len(names)
    assert {weight_name(w) for w in build_generator(tails="main").weights} < set(names)


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="tails is 'three'"):
        build_generator(tails="three")


def test_mixed_precision_keeps_the_image():
    full = build_generator()
    tf.keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        half = build_generator()
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    half.set_weights(full.get_weights())
    assert all(w.dtype == tf.float32 for w in half.trainable_weights)
    photo = tf.random.stateless_uniform([1, 32, 32, 3], seed=(3, 4), minval=-1)
    images = half(photo)["main"]
    assert images.dtype == tf.float32
    np.testing.assert_allclose(images, full(photo)["main"], atol=0.03)
