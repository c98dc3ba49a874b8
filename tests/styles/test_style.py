import json

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.styles import Style, available_styles, load_style, override

MINIMAL = """
description = "mine"
[perceptual.vgg19]
content = { conv4_4 = 0.5 }
style = { conv2_2 = 1 }
distance = "conv4_4"
region_fake = 0.2
region_photo = 0.2
revision = 0.5
"""


def written(folder, text, name="mine.toml"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_bundled_styles():
    assert {"hayao", "shinkai", "paprika", "portrait"} <= set(available_styles())


@pytest.mark.parametrize("name", available_styles())
def test_every_bundled_style_loads_and_survives_json(name):
    style = load_style(name)
    assert style.name == name
    assert style.description
    assert "vgg19" in style.perceptual
    assert Style.from_dict(json.loads(json.dumps(style.to_dict()))) == style


@pytest.mark.parametrize(
    ("name", "region", "gram", "lab", "variation", "edges", "min_size", "nl_means", "salt"),
    [
        ("hayao", (0.2, 0.2), (0.1, 5.0, 25.0), 10.0, 1e-3, 2.0, 50, [5, 6, 5, 7], 0.0),
        ("shinkai", (0.8, 0.5), (0.1, 2.0, 28.0), 8.0, 1e-4, 5.0, 100, [7, 6, 6, 7], 0.1),
    ],
)
def test_the_published_recipes(name, region, gram, lab, variation, edges, min_size, nl_means, salt):
    """DTGAN, table 1, and the values that its authors' code holds beside it."""
    style = load_style(name)
    weights, loss, target, train = style.perceptual["vgg19"], style.loss, style.target, style.train
    assert weights.content == {"conv4_4": 0.5}
    assert weights.distance == "conv4_4"
    assert weights.style == dict(zip(("conv2_2", "conv3_3", "conv4_4"), gram))
    assert (weights.region_fake, weights.region_photo) == region
    assert weights.revision == 0.5
    assert loss.adversarial == "least_squares"
    assert (loss.color_space, loss.color["lab"]) == ("yuv", lab)
    assert loss.total_variation == variation
    assert (loss.support_labels, loss.main_labels) == ([0.9, 0.1], [1.0, 0.0])
    assert (loss.support_generator, loss.support_real, loss.support_fake, loss.support_edges) == (1.0, 0.5, 1.0, edges)
    assert (loss.main_generator, loss.main_discriminator, loss.revision_l1, loss.identity) == (0.02, 0.1, 50.0, 0.0)
    assert (target.region_target, target.superpixel_min_size, target.nl_means) == ("superpixel", min_size, nl_means)
    assert (target.guided_radius, target.guided_eps, target.revision_l0_lambda) == (2, 0.01, 0.005)
    assert (train.batch_size, train.epochs, train.pretrain_epochs) == (8, 100.0, 5.0)
    assert (train.pretrain_learning_rate, train.generator_learning_rate) == (2e-4, 1e-4)
    assert train.discriminator_learning_rate == 1e-4
    assert (style.data.image_size, style.data.salt) == (256, salt)


def test_portrait_unpaired_is_the_recipe_for_faces_without_pairs():
    style = load_style("portrait-unpaired")
    assert len(style.perceptual["vgg19"].content) == 2
    assert style.loss.identity > 0
    assert style.loss.flat_regions > 0
    assert style.loss.color_space == "yuv"
    assert style.data.flip
    assert style.data.rotation > 0
    assert style.data.brightness > 0


def test_a_users_own_file_by_its_path(tmp_path):
    style = load_style(written(tmp_path, MINIMAL))
    assert (style.name, style.description) == ("mine", "mine")
    assert style.perceptual["vgg19"].style == {"conv2_2": 1.0}  # a whole number is welcome where a float is
    assert style.train.batch_size == 8  # what a file leaves out is the default
    assert load_style(str(written(tmp_path, 'name = "other"\n' + MINIMAL))).name == "other"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (MINIMAL + "[loss]\ncontnet = 1.0\n", r"mine.toml: loss: unknown key contnet; known are adversarial, color"),
        ("colour = 1\n" + MINIMAL, r"mine.toml: unknown key colour"),
        (MINIMAL.replace("revision = 0.5", ""), r"perceptual.vgg19: missing key revision"),
        ('description = "x"\n', r"mine.toml: missing key perceptual"),
        (MINIMAL + '[train]\nbatch_size = "8"\n', r"train.batch_size is '8'; it must be a whole number"),
        (MINIMAL + "[train]\nbatch_size = 8.0\n", r"train.batch_size is 8.0; it must be a whole number"),
        (MINIMAL + "[train]\nbatch_size = true\n", r"train.batch_size is True"),
        (MINIMAL + "[train]\nbatch_size = 0\n", r"train.batch_size is 0"),
        (MINIMAL + "[loss]\nidentity = true\n", r"loss.identity is True; it must be a number"),
        (MINIMAL + "[loss]\ncolor = 3.0\n", r"loss.color is 3.0; it must be a table"),
        (MINIMAL + "[loss]\ncolor = { lab = 3.0 }\n", r"mine.toml: loss.color has no weight for color_space 'yuv'"),
        (MINIMAL + '[loss]\ncolor_space = "hsv"\n', r"loss.color_space is 'hsv'; it must be 'yuv' or 'lab'"),
        (MINIMAL + '[train]\nresize = "nearest"\n', r"train.resize is 'nearest'; it must be 'half_pixel' or 'legacy'"),
        (MINIMAL + "[target]\nnl_means = 5\n", r"target.nl_means is 5; it must be a list"),
        (MINIMAL + "[target]\nnl_means = [5, 6]\n", r"target.nl_means is \[5, 6\]; it must hold 4 numbers"),
        (MINIMAL + "[loss]\nmain_labels = [1.0]\n", r"loss.main_labels is \[1.0\]; it must hold 2"),
        (MINIMAL.replace("{ conv4_4 = 0.5 }", "{}"), r"perceptual.vgg19.content is {}"),
        (MINIMAL + "[data]\nimage_size = 100\n", r"mine.toml: data.image_size is 100; it must be a multiple of 8"),
        (MINIMAL + "[data]\nmax_scale = 0.5\n", r"mine.toml: data.max_scale is 0.5; it must be at least 1"),
        (MINIMAL + "[train]\nema = 2\n", r"mine.toml: train.ema is 2; it must lie between 0 and 1"),
        (MINIMAL + "[loss]\nidentity = inf\n", r"loss.identity is inf; it must be a finite number"),
        (MINIMAL + "[train]\nepochs = 2026-11-27\n", r"train.epochs is '2026-11-27'; it must be a number"),
        (MINIMAL.replace("conv2_2 = 1", "conv2_2 = true"), r"vgg19.style.conv2_2 is True; it must be a number"),
        ('generator = "wgan"\n' + MINIMAL, r"generator is 'wgan'; it must be one of .*animegan3"),
        (MINIMAL + '[loss]\n"{x}" = 1\n', r"loss: unknown key {x}; known are"),
        ("data = 3\n" + MINIMAL, r"data is 3; it must be a table"),
        ("description = ", r"mine.toml' is not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(UserError, match=words) as error:
        load_style(path)
    assert "\n" not in str(error.value)


def test_styles_that_are_not_there(tmp_path):
    with pytest.raises(UserError, match=r"style 'monet' is not known; choose .*hayao.*\.toml"):
        load_style("monet")
    with pytest.raises(UserError, match=r"nowhere\.toml' cannot be read: No such file"):
        load_style(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="is not valid TOML"):
        load_style(tmp_path / "binary.toml")


def test_override_reads_text_as_toml_and_leaves_the_original():
    hayao = load_style("hayao")
    style = override(
        hayao,
        {
            "train.batch_size": "4",
            "loss.color_space": "lab",
            "loss.color.lab": "3",
            "target.nl_means": "[1, 2, 3, 4]",
            "perceptual.vgg19.content": "{ conv3_3 = 0.25 }",
            "data.flip": "false",
        },
    )
    assert (style.train.batch_size, style.loss.color_space, style.loss.color["lab"]) == (4, "lab", 3.0)
    assert style.target.nl_means == [1, 2, 3, 4]
    assert style.perceptual["vgg19"].content == {"conv3_3": 0.25}
    assert style.data.flip is False
    assert hayao == load_style("hayao")
    assert override(hayao, {}) == hayao


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("loss.contnet", "1", "setting 'loss.contnet' is not known"),
        ("loss.color.rgb", "1", "setting 'loss.color.rgb' is not known"),
        ("train.batch_size.x", "1", "setting 'train.batch_size.x' is not known"),
        ("", "1", "setting '' is not known"),
        ("train.batch_size", "many", "train.batch_size is 'many'; it must be a whole number"),
        ("train", "4", "train is 4; it must be a table"),
    ],
)
def test_override_names_the_key_it_refuses(key, value, words):
    with pytest.raises(UserError, match=words):
        override(load_style("hayao"), {key: value})
