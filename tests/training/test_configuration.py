import dataclasses

import pytest
from helpers.tiny_training import tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.styles import load_style
from animegan3_tf.training.configuration import Origin, RunConfiguration, binding, binding_digest, resolve_steps


def configuration(photos, **changes):
    made = RunConfiguration(tiny_style(), str(photos), "anime", "random", 4, 2)
    return dataclasses.replace(made, **changes)


def test_epochs_become_steps(tmp_path):
    write_pictures(tmp_path, 12)
    hayao = load_style("hayao")  # 100 epochs, 5 of them content only, batch 8
    assert resolve_steps(hayao, tmp_path) == (150, 8)
    never = dataclasses.replace(hayao, train=dataclasses.replace(hayao.train, pretrain_epochs=0.0))
    assert resolve_steps(never, tmp_path) == (150, 0)


def test_a_short_trial_sees_both_phases(tmp_path):
    write_pictures(tmp_path, 12)
    style = load_style("hayao")
    assert resolve_steps(style, tmp_path, steps=10) == (10, 5)
    assert resolve_steps(style, tmp_path, steps=10, pretrain_steps=0) == (10, 0)


def test_a_resumed_run_keeps_its_steps_though_pictures_were_added(tmp_path):
    stored = configuration(tmp_path, steps=7, pretrain_steps=3)
    write_pictures(tmp_path / "more", 50)
    assert resolve_steps(stored.style, tmp_path / "more", stored=stored) == (7, 3)
    assert resolve_steps(stored.style, tmp_path / "more", steps=40, stored=stored) == (40, 3)


def test_configurations_that_cannot_run(tmp_path):
    for changes, words in (
        ({"pretrain_steps": 5}, "--pretrain-steps is 5, --steps 4; give from 0 to 4"),
        ({"pretrain_steps": -1}, "--pretrain-steps is -1"),
        ({"checkpoint_every": 0}, "--checkpoint-every is 0"),
        ({"keep": 0}, "--keep is 0; it must be at least 1"),
        ({"keep_every": -1}, "--keep-every is -1"),
        ({"seed": -1}, "--seed is -1"),
        ({"sample_size": 20}, "--sample-size is 20"),
        ({"perceptual": "alexnet"}, "'alexnet' is not known"),
        (
            {"perceptual": "resnet18:x.npz"},
            r"'tiny' has no loss weights for resnet18; add a table \[perceptual.resnet18",
        ),
    ):
        with pytest.raises(UserError, match=words):
            configuration(tmp_path, **changes)


@pytest.mark.parametrize("text", [None, "{", "[]", '{"version": "1"}', '"x"'])
def test_a_configuration_that_cannot_be_read(tmp_path, text):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"not a run folder|cannot be read"):
        RunConfiguration.read(tmp_path)


def test_a_fine_tune_needs_no_pretraining(tmp_path):
    write_pictures(tmp_path, 12)
    hayao, init = load_style("hayao"), Origin("generator.h5", "0" * 64)
    assert resolve_steps(hayao, tmp_path, init=init) == (150, 0)
    assert resolve_steps(hayao, tmp_path, pretrain_steps=5, init=init) == (150, 5)


def test_what_binds_a_run(tmp_path):
    plan = configuration(tmp_path)
    assert binding(plan)["style.train.batch_size"] == 2
    assert binding(plan)["init"] is None
    assert not binding(plan).keys() & {"version", "steps", "keep", "keep_every", "checkpoint_every", "samples"}
    for changes in ({"seed": 1}, {"deterministic": True}, {"pretrain_steps": 1}, {"init": Origin("a", "b")}):
        assert binding_digest(dataclasses.replace(plan, **changes)) != binding_digest(plan)
    assert binding_digest(dataclasses.replace(plan, steps=9, keep=7)) == binding_digest(plan)


def test_a_configuration_from_before_a_setting_existed_has_its_default(tmp_path):
    plan = configuration(tmp_path)
    values = plan.to_dict()
    for name in ("keep", "keep_every", "deterministic", "init"):
        del values[name]
    assert RunConfiguration.from_dict(values, "config.json") == plan
