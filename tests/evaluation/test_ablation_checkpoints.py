import numpy as np
import pytest
from helpers.tiny_checkpoints import write_checkpoint, write_plain_weights

from animegan3_tf.common.errors import UserError
from animegan3_tf.evaluation.ablation import Generator, find_ablation_runs, find_checkpoints


def steps(checkpoints):
    return [checkpoint.step for checkpoint in checkpoints]


def read(checkpoint):
    """Its generator's one number, and the lines that were reported."""
    lines = []
    generator = checkpoint.read(lines.append)
    return generator and float(generator.arrays["main_value"][0]), lines


def test_every_state_and_the_generator_of_another_step(tmp_path):
    for step in (20, 3, 100):
        write_checkpoint(tmp_path, step, step / 1000)
    write_plain_weights(tmp_path / "generator.h5", 0.5, step=120)
    found = find_checkpoints(tmp_path)
    assert steps(found) == [3, 20, 100, 120]
    assert [read(checkpoint)[0] for checkpoint in found] == pytest.approx([0.003, 0.02, 0.1, 0.5])


def test_the_generator_of_a_states_step_is_not_another_checkpoint(tmp_path):
    write_checkpoint(tmp_path, 5, 0.25)
    write_plain_weights(tmp_path / "generator.h5", 0.5, step=5)
    (checkpoint,) = find_checkpoints(tmp_path)
    assert read(checkpoint) == (0.25, [])


def test_a_damaged_state_is_reported_and_the_generator_takes_its_place(tmp_path):
    for step in (5, 6):
        path = write_checkpoint(tmp_path, step, 0.25)
        path.write_bytes(path.read_bytes()[:-1])
    write_plain_weights(tmp_path / "generator.h5", 0.5, step=6)
    first, second = find_checkpoints(tmp_path)
    value, (line,) = read(first)
    assert value is None
    assert "state-000005.h5' is cut short or altered" in line
    value, (line,) = read(second)
    assert value == 0.5
    assert "state-000006.h5' is cut short or altered" in line


def test_a_state_by_another_steps_name_is_not_taken_for_it(tmp_path):
    write_checkpoint(tmp_path, 5, 0.25).rename(tmp_path / "state-000007.h5")
    (checkpoint,) = find_checkpoints(tmp_path)
    value, (line,) = read(checkpoint)
    assert value is None
    assert "holds the state of step 5: it was renamed" in line


def test_a_state_without_a_header_of_its_run_is_named(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, 5, 0.25)
    (checkpoint,) = find_checkpoints(tmp_path)
    monkeypatch.setattr(
        "animegan3_tf.evaluation.ablation.deployed_weights",
        lambda state: (_ for _ in ()).throw(UserError("no run")),
    )
    assert read(checkpoint) == (None, [f"'{tmp_path / 'state-000005.h5'}' cannot be used: no run"])


@pytest.mark.parametrize("write", [write_checkpoint, None])
def test_a_single_file(tmp_path, write):
    path = write(tmp_path, 5, 0.25) if write else write_plain_weights(tmp_path / "a.h5", 0.25, step=5)
    (checkpoint,) = find_checkpoints(path)
    assert (checkpoint.step, *read(checkpoint)) == (5, 0.25, [])


def test_a_broken_generator_beside_states_is_reported(tmp_path):
    write_checkpoint(tmp_path, 5, 0.25)
    (tmp_path / "generator.h5").write_bytes(b"nothing")
    lines = []
    assert steps(find_checkpoints(tmp_path, lines.append)) == [5]
    assert len(lines) == 1
    assert "generator.h5' is not a weights file" in lines[0]


def test_what_is_no_run(tmp_path):
    with pytest.raises(UserError, match=r"--ablate '.*' holds no state and no generator\.h5; name a run folder"):
        find_checkpoints(tmp_path)
    with pytest.raises(UserError, match="does not exist"):
        find_checkpoints(tmp_path / "nowhere")
    with pytest.raises(UserError, match="does not say its training step"):
        find_checkpoints(write_plain_weights(tmp_path / "a.h5", 0.5))


def test_labels(tmp_path):
    for name in ("a", "b", "lr=0.1"):
        path = write_checkpoint(tmp_path / name, 5, 0.25)
    write_plain_weights(tmp_path / "a" / "generator.h5", 0.5, step=6)
    write_plain_weights(tmp_path / "released.h5", 0.5, step=6)
    specifications = [tmp_path / "a" / "generator.h5", path, tmp_path / "released.h5", f"of mine={tmp_path / 'b'}"]
    assert [run.label for run in find_ablation_runs(list(map(str, specifications)))] == [
        "a",
        "lr=0.1",
        "released",
        "of mine",
    ]
    (run,) = find_ablation_runs([f"x={tmp_path / 'lr=0.1'}"])
    assert (run.label, run.path) == ("x", tmp_path / "lr=0.1")


@pytest.mark.parametrize(
    ("specifications", "words"),
    [
        (["{}", "{}"], "--ablate 'a' is the label of two runs"),
        (["A={}", "{}"], "--ablate 'a' is the label of two runs"),
        (["{}", "A={}"], "--ablate 'A' is the label of two runs"),
        (["../a={}"], r"'\.\./a' cannot name a folder; write --ablate NAME=RUN"),
        (["={}"], "'' cannot name a folder"),
        (["x="], "--ablate 'x=' names no run"),
        (["x=nowhere"], "--ablate 'nowhere' does not exist"),
    ],
)
def test_what_is_refused(tmp_path, specifications, words):
    write_checkpoint(tmp_path / "a", 5, 0.25)
    with pytest.raises(UserError, match=words):
        find_ablation_runs([text.format(tmp_path / "a") for text in specifications])


def test_the_digest_is_of_what_decides_the_pictures(tmp_path):
    header, arrays = {"architecture": "animegan3", "resize": "legacy", "step": 5}, {"a": np.float32([1, 2])}
    digest = Generator(tmp_path, header, arrays).sha256
    assert Generator(tmp_path / "x", {**header, "step": 6}, arrays).sha256 == digest
    others = [({**header, "resize": "half_pixel"}, arrays), (header, {"b": arrays["a"]})]
    others += [(header, {"a": np.float32([1, 3])}), (header, {"a": np.float32([[1], [2]])})]
    assert digest not in [Generator(tmp_path, *other).sha256 for other in others]
