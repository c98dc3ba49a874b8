import pytest
from helpers.tiny_pairs import PAIRS_TOML, pairs_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.data.region_colors import SKIN_LIGHTNESS
from animegan3_tf.styles import load_style, override
from animegan3_tf.styles.style import toml_of, tomllib


def test_portrait_learns_faces_at_256_their_eyes_and_in_the_dark():
    style = load_style("portrait")
    assert style.objective == "pairs"
    assert style.perceptual["resnet18"].features == {"A": 0.12, "B": 0.12}
    pairs, kinds = style.pairs, style.pairs.batches.values()
    assert [(b.turns, b.count, b.crop, b.scales) for b in kinds] == [
        (5, 3, 256, [256, 264]), (3, 6, 160, [160, 250]), (2, 2, 256, [300, 512])
    ]  # fmt: skip
    assert (pairs.cast, pairs.varied, pairs.flip) == (0.05, 0.5, True)
    assert (pairs.brightness, pairs.drawing_light, pairs.soft) == ([0.45, 1.15], SKIN_LIGHTNESS, 0.25)
    assert (pairs.ink, pairs.ink_contrast, pairs.ink_window, pairs.eyes) == (7.0, 0.3, 13, 3.0)
    assert (pairs.beta_1, pairs.clip_norm, style.train.ema) == (0.9, 1.0, 0.99)
    assert (style.train.generator_learning_rate, style.train.discriminator_learning_rate) == (1e-3, 3e-4)
    assert style.examples_per_step == (5 * 3 + 3 * 6 + 2 * 2) / 10
    assert pairs.largest_side == 512


def test_it_survives_toml(tmp_path):
    style = pairs_style({"pairs.discriminator": True})
    (tmp_path / "again.toml").write_text(toml_of(style))
    assert load_style(tmp_path / "again.toml") == style


def test_a_kind_of_batch_can_be_overridden():
    assert override(pairs_style(), {"pairs.batches.small.count": "6"}).pairs.batches["small"].count == 6


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"objective": "couples"}, "objective is 'couples'; it must be 'unpaired' or 'pairs'"),
        ({"objective": "unpaired"}, "perceptual.vgg19 is not for objective 'unpaired', whose weights are content and"),
        ({"loss.identity": 1.0}, r"table \[loss\] has no effect with objective 'pairs'"),
        ({"data.image_size": 128}, r"table \[data\] has no effect"),
        ({"train.batch_size": 4}, "train.batch_size has no effect with objective 'pairs'"),
        ({"pairs.batches": {}}, "pairs.batches is empty"),
        ({"pairs.batches.small.crop": 20}, "pairs.batches.small.crop is 20; it must be a multiple of 8"),
        ({"pairs.batches.small.scales": [8, 48]}, r"small.scales is \[8, 48\]; give two sides from the crop's 16 up"),
        ({"pairs.batches.small.scales": [48]}, r"small.scales is \[48\]"),
        ({"pairs.batches.small.count": 0}, "pairs.batches.small.count is 0; it must be at least 1"),
        ({"pairs.batches.large.turns": 0}, "pairs.batches.large.turns is 0"),
        ({"pairs.batches.large.sides": 0}, "setting 'pairs.batches.large.sides' is not known"),
        ({"pairs.brightness": [1.2, 0.8]}, r"pairs.brightness is \[1.2, 0.8\]"),
        ({"pairs.ink_window": 12}, "pairs.ink_window is 12; it must be odd"),
        ({"pairs.held_out": 0.9}, "pairs.held_out is 0.9; it must lie between 0 and 0.5"),
        ({"pairs.validation_size": 100}, "pairs.validation_size is 100"),
        ({"pairs.clip_norm": 0.0}, "pairs.clip_norm is 0.0"),
        ({"pairs.clip_norm": float("nan")}, "pairs.clip_norm is nan"),
    ],
)
def test_what_could_not_be_trained_with_is_one_line(settings, words):
    with pytest.raises(UserError, match=words) as error:
        pairs_style(settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PAIRS_TOML.replace("features = {", "feature = {"), "perceptual.vgg19: unknown key feature"),
        (PAIRS_TOML.replace("held_out", "holdout"), "pairs: unknown key holdout; known are batches, beta_1"),
        (PAIRS_TOML.replace("turns = 2\n", ""), "pairs.batches.small: missing key turns"),
        (PAIRS_TOML.replace("scales = [24, 48]", "scales = 24"), "pairs.batches.small.scales is 24; it must be a list"),
    ],
)
def test_a_mistake_in_the_file_names_the_key(tmp_path, text, words):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(UserError, match=words):
        load_style(tmp_path / "mine.toml")


def test_pairs_have_no_effect_on_other_styles():
    values = tomllib.loads("[pairs]\nvaried = 0.1\n")
    with pytest.raises(UserError, match=r"table \[pairs\] has no effect with objective 'unpaired'"):
        override(load_style("hayao"), {"pairs.varied": values["pairs"]["varied"]})
