import os

import numpy as np
import pytest
from helpers.golden import golden
from helpers.tf1_files import golden_checkpoint, golden_pictures, random_variables, read_checkpoint, write_checkpoint
from helpers.upstream import generator_variables

from animegan3_tf.common.errors import UserError
from animegan3_tf.models import published
from animegan3_tf.models.published import CHECKPOINTS, GRID, open_published
from animegan3_tf.models.weights import build_deployed, named_weights

PARAMETERS = {"animegan1": 3_956_096, "animegan2": 2_143_552, "animegan3": 1_027_520}


def network(architecture, path, batch_norm="inference"):
    return open_published(path, architecture, batch_norm).network


@pytest.fixture(scope="module")
def variables():
    return random_variables("animegan2")


@pytest.mark.parametrize("architecture", CHECKPOINTS)
def test_images_and_parameters_are_the_original_codes(architecture):
    photo, expected, tolerance = golden_pictures(architecture)
    model = network(architecture, golden_checkpoint(architecture))
    np.testing.assert_allclose(model(photo), expected, atol=tolerance)
    assert sum(int(w.shape.num_elements()) for w in model.trainable_weights) == PARAMETERS[architecture]


@pytest.mark.parametrize(("architecture", "folder"), [("animegan1", "v1"), ("animegan2", "v2")])
def test_variable_names_are_the_golden_list(architecture, folder):
    names = np.load(golden(folder, "generator.npz"))["variable_order"]
    assert sorted(CHECKPOINTS[architecture]().values()) == sorted(names.tolist())


def test_every_weight_has_a_variable():
    for architecture in ("animegan1", "animegan2"):
        assert CHECKPOINTS[architecture]().keys() == named_weights(build_deployed(architecture, GRID)).keys()
    names = published.animegan3_variables() | published.batch_norm_variables("generator")
    assert names.keys() == named_weights(build_deployed("animegan3", GRID)).keys()


def test_animegan3_without_an_inference_graphs_variables_is_untrained_there(tmp_path):
    arrays = read_checkpoint(golden_checkpoint("animegan3"))
    bare = {name: array for name, array in arrays.items() if not name.startswith("generator_1/")}
    photo, _, tolerance = golden_pictures("animegan3")
    expected = np.load(golden("v3", "generator.npz"))["inference_untouched_bn_main"]
    model = network("animegan3", write_checkpoint(tmp_path / "bare", bare))
    np.testing.assert_allclose(model(photo), expected, atol=tolerance)


def test_animegan3s_trained_batch_norm_is_an_option():
    prefix = golden_checkpoint("animegan3")
    arrays, weights = read_checkpoint(prefix), named_weights(network("animegan3", prefix, batch_norm="trained"))
    for role in ("gamma", "beta", "moving_mean", "moving_variance"):
        ours = f"main_attention/norm/{role}"
        np.testing.assert_array_equal(weights[ours].numpy(), arrays[generator_variables("training")[ours]])


def test_a_folder_is_read_by_its_checkpoint_file(tmp_path, variables):
    write_checkpoint(tmp_path / "Hayao-99.ckpt", variables)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "D:\\\\work\\\\Hayao-99.ckpt"\n')
    weights = named_weights(network("animegan2", tmp_path))
    expected = variables["generator/G_MODEL/C/r2/r2/bias"]
    np.testing.assert_array_equal(weights["c_r2_depthwise_conv/bias"].numpy(), expected)


def test_training_variables_beside_a_generator_are_no_error(tmp_path, variables):
    beside = {"beta1_power": np.float32(0.5), "discriminator/conv_0/kernel": np.zeros(3, np.float32)}
    beside |= {"generator/G_MODEL/A/Conv/weights/Adam_1": np.zeros(2, np.float32), "global_step": np.int64(3)}
    network("animegan2", write_checkpoint(tmp_path / "g", {**variables, **beside}))


def test_missing_extra_and_misshapen_variables_are_listed_together(tmp_path, variables):
    changed = dict(variables)
    del changed["generator/G_MODEL/A/Conv/weights"]
    changed["generator/G_MODEL/B/Convolution/weights"] = changed.pop("generator/G_MODEL/B/Conv/weights")
    changed["generator/G_MODEL/C/r1/1/beta"] = np.zeros(3, np.float32)
    with pytest.raises(UserError) as error:
        network("animegan2", write_checkpoint(tmp_path / "g", changed))
    for words in (
        "generator/G_MODEL/A/Conv/weights is missing",
        "generator/G_MODEL/B/Conv/weights is missing",
        "generator/G_MODEL/B/Convolution/weights is not part of the network",
        "generator/G_MODEL/C/r1/1/beta is (3,), expected (256,)",
    ):
        assert words in str(error.value)


def test_numbers_that_are_not_finite_are_refused(tmp_path, variables):
    broken = {**variables, "generator/G_MODEL/E/LayerNorm/gamma": np.full(64, np.nan, np.float32)}
    with pytest.raises(UserError, match="E/LayerNorm/gamma holds NaN"):
        network("animegan2", write_checkpoint(tmp_path / "g", broken))


def test_text_in_place_of_numbers_is_refused(tmp_path, variables):
    broken = {**variables, "generator/G_MODEL/E/LayerNorm/gamma": np.full(64, "x")}
    with pytest.raises(UserError, match="E/LayerNorm/gamma is of type object, expected floating-point numbers"):
        network("animegan2", write_checkpoint(tmp_path / "g", broken))


def test_a_truncated_checkpoint_is_refused(tmp_path, variables):
    prefix = write_checkpoint(tmp_path / "g", variables)
    data = tmp_path / "g.data-00000-of-00001"
    whole = data.read_bytes()
    data.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="damaged or incomplete"):
        network("animegan2", prefix)
    data.write_bytes(whole[:-4000] + bytes(4000))
    with pytest.raises(UserError, match="damaged or incomplete"):
        network("animegan2", prefix)
    data.unlink()
    with pytest.raises(UserError, match="damaged or incomplete"):
        network("animegan2", prefix)
    (tmp_path / "g.index").write_bytes(b"no table")
    with pytest.raises(UserError, match="damaged or incomplete"):
        network("animegan2", prefix)


def test_a_path_that_is_no_checkpoint_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.index' does not exist"):
        network("animegan2", tmp_path / "none")
    with pytest.raises(UserError, match="has no checkpoint file"):
        network("animegan2", tmp_path)
    (tmp_path / "checkpoint").write_text("nothing")
    with pytest.raises(UserError, match="names no model_checkpoint_path"):
        network("animegan2", tmp_path)


def test_unknown_names_are_refused(tmp_path, variables):
    prefix = write_checkpoint(tmp_path / "g", variables)
    with pytest.raises(UserError, match="architecture 'animegan4' is not known; choose animegan1"):
        network("animegan4", prefix)
    with pytest.raises(UserError, match="batch norm 'none' is not known"):
        network("animegan3", prefix, batch_norm="none")
    with pytest.raises(UserError, match="tiny has been published as a graph only"):
        network("tiny", prefix)


def test_a_checkpoint_that_lacks_something_is_of_no_architecture(tmp_path, variables):
    lame = {name: array for name, array in variables.items() if not name.endswith("A/Conv/weights")}
    with pytest.raises(UserError, match="holds no whole generator of animegan1, animegan2, animegan3; say which"):
        open_published(write_checkpoint(tmp_path / "g", lame))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_pipes_are_not_opened(tmp_path):
    for name in ("g.index", "g.data-00000-of-00001", "checkpoint"):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        (folder / "g.index").write_bytes(b"index")
        if name == "g.index":
            (folder / "g.index").unlink()
        os.mkfifo(folder / name)
        with pytest.raises(UserError, match=rf"{name}' (is not a regular file|does not exist)"):
            open_published(folder if name == "checkpoint" else folder / "g", "animegan2")


def test_names_in_a_file_stay_on_the_line(tmp_path, variables):
    path = write_checkpoint(tmp_path / "g", {**variables, "stray\n\x1b[31m": np.zeros(1, np.float32)})
    with pytest.raises(UserError, match=r"stray\\n\\x1b\[31m is not part of the network") as error:
        network("animegan2", path)
    assert str(error.value).isprintable()
