import h5py
import numpy as np
import pytest
import tensorflow as tf

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights import build_deployed, load_generator, save_generator, structure_of
from animegan3_tf.models.weights_file import read_header, read_weights, write_weights
from animegan3_tf.networks import build_generator

PHOTO = tf.random.stateless_uniform([1, 16, 24, 3], seed=(1, 2), minval=-1)


@pytest.fixture(scope="module")
def generator():
    return build_generator(resize="legacy")


def test_round_trip_leaves_the_support_tail_out(tmp_path, generator):
    save_generator(tmp_path / "g.h5", generator, {"style": "hayao"})
    loaded = load_generator(tmp_path / "g.h5")
    np.testing.assert_array_equal(loaded(PHOTO), generator(PHOTO)["main"])
    header = read_header(tmp_path / "g.h5")
    assert (header["architecture"], header["resize"], header["style"]) == ("animegan3", "legacy", "hayao")
    with h5py.File(tmp_path / "g.h5") as file:
        assert not [name for name in file if name.startswith("support")]
    assert [p.name for p in tmp_path.iterdir()] == ["g.h5"]


def test_half_precision_halves_the_file_and_keeps_the_image(tmp_path, generator):
    save_generator(tmp_path / "whole.h5", generator)
    save_generator(tmp_path / "half.h5", generator, dtype="float16")
    sizes = [(tmp_path / name).stat().st_size for name in ("whole.h5", "half.h5")]
    assert sizes[1] < 0.55 * sizes[0]
    assert sizes[1] < 2.2e6
    np.testing.assert_allclose(load_generator(tmp_path / "half.h5")(PHOTO), generator(PHOTO)["main"], atol=0.02)


def test_problems_are_listed_together(tmp_path, generator):
    path = tmp_path / "g.h5"
    save_generator(path, generator)
    header, arrays = read_weights(path)
    del arrays["base_0_conv/kernel"]
    arrays |= {"main_to_rgb/kernel": np.zeros([3, 3, 32, 3]), "stray\n\x1b/kernel": np.zeros(3)}
    arrays["base_0_lade/kernel"][:] = np.nan
    write_weights(path, header, arrays)
    with pytest.raises(UserError) as error:
        load_generator(path)
    for words in (
        "base_0_conv/kernel is missing",
        r"stray\n\x1b/kernel is not part",
        "main_to_rgb/kernel is (3, 3, 32, 3)",
        "NaN",
    ):
        assert words in str(error.value)
    assert str(error.value).isprintable()


def test_hundreds_of_problems_are_counted(tmp_path, generator):
    header = {"architecture": "animegan3", "resize": "legacy"}
    write_weights(tmp_path / "g.h5", header, {f"stray{i:03}": np.zeros(1) for i in range(500)})
    with pytest.raises(UserError, match=r"; and \d{3} more$") as error:
        load_generator(tmp_path / "g.h5")
    assert len(str(error.value)) < 2000


@pytest.mark.parametrize("resize", [None, "bicubic", ["legacy"]])
def test_a_grid_that_no_network_has_is_refused(tmp_path, resize):
    write_weights(tmp_path / "g.h5", {"architecture": "animegan3", **({"resize": resize} if resize else {})}, {})
    with pytest.raises(UserError, match=r"resize is .*; it must be one of half_pixel, legacy"):
        load_generator(tmp_path / "g.h5")


def test_other_files_are_refused(tmp_path, generator):
    with pytest.raises(UserError, match="does not exist"):
        load_generator(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not weights")
    with pytest.raises(UserError, match="is not a weights file"):
        load_generator(tmp_path / "text.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.attrs["header"] = '{"format": "something 9"}'
    with pytest.raises(UserError, match="in format 'something 9'"):
        load_generator(tmp_path / "other.h5")
    save_generator(tmp_path / "cut.h5", generator)
    data = (tmp_path / "cut.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match="damaged"):
        load_generator(tmp_path / "cut.h5")


def test_a_file_says_what_it_is_built_with(tmp_path):
    """One whose attention normalises each image, with constants of its own."""
    epsilons = {"lade": 0.5, "attention": 0.25, "attention_norm": 0.125}
    model = build_deployed("animegan3", "legacy", epsilons=epsilons, attention_norm="layer")
    save_generator(tmp_path / "g.h5", model)
    header = read_header(tmp_path / "g.h5")
    assert (header["epsilons"], header["attention_norm"]) == (epsilons, "layer")
    loaded = load_generator(tmp_path / "g.h5")
    np.testing.assert_array_equal(loaded(PHOTO), model(PHOTO))
    plain = build_deployed("animegan3", "legacy", attention_norm="layer")
    plain.set_weights(model.get_weights())
    assert np.abs(plain(PHOTO) - model(PHOTO)).max() > 1e-3


def test_older_files_have_dtgans_constants(tmp_path, generator):
    save_generator(tmp_path / "g.h5", generator)
    header, arrays = read_weights(tmp_path / "g.h5")
    assert header.pop("epsilons") == {"lade": 1e-5, "attention": 1e-9, "attention_norm": 1e-3}
    write_weights(tmp_path / "old.h5", header, arrays)
    assert structure_of(load_generator(tmp_path / "old.h5"))["epsilons"]["lade"] == 1e-5


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"epsilons": {"lade": -1}}, "takes numbers above 0 for lade, attention, attention_norm"),
        ({"epsilons": {"layer_norm": 1e-5}}, "takes numbers above 0 for lade, attention, attention_norm"),
        ({"epsilons": 1e-5}, "epsilons are 1e-05"),
        ({"attention_norm": "instance"}, "attention_norm is 'instance'; it must be one of batch, layer"),
    ],
)
def test_constants_that_no_network_has(tmp_path, generator, entry, words):
    save_generator(tmp_path / "g.h5", generator, entry)
    with pytest.raises(UserError, match=words):
        load_generator(tmp_path / "g.h5")


@pytest.mark.parametrize(("architecture", "parameters"), [("jp_face", 1_490_688), ("tiny", 605_616)])
def test_networks_that_are_only_published(tmp_path, architecture, parameters):
    """The counts are of the numbers in the files of JP_face v1.0 and tiny_Cute that are not shapes or epsilons."""
    model = build_deployed(architecture, "legacy")
    assert sum(weight.shape.num_elements() for weight in model.weights) == parameters
    photo = tf.random.stateless_uniform([1, 32, 48, 3], seed=(1, 2), minval=-1)
    save_generator(tmp_path / "g.h5", model, {"architecture": architecture})
    image = load_generator(tmp_path / "g.h5")(photo)
    assert image.shape == photo.shape
    np.testing.assert_array_equal(image, model(photo))
